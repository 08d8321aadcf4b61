// Command rada prints length, height, time and closures of a GPX file.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sookurg.test/rada/internal/conf"
	"sookurg.test/rada/internal/gpx"
	"sookurg.test/rada/internal/report"
	"sookurg.test/rada/internal/season"
	"sookurg.test/rada/internal/track"
)

const (
	exitUsage  = 1
	exitFile   = 2
	exitClosed = 4 // 3 belongs to millrace
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: rada info|plan|closures|thin [flags] [file.gpx]")
		os.Exit(exitUsage)
	}
	config, err := loadConfig()
	if err != nil {
		fail(exitUsage, err)
	}
	switch command, rest := os.Args[1], os.Args[2:]; command {
	case "info":
		os.Exit(info(config, rest))
	case "plan":
		os.Exit(plan(config, rest))
	case "closures":
		os.Exit(closures(config, rest))
	case "thin":
		os.Exit(thin(rest))
	default:
		fail(exitUsage, fmt.Errorf("unknown command %s", command))
	}
}

func loadConfig() (conf.Config, error) {
	path := conf.Find()
	if path == "" {
		return conf.Default(), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return conf.Config{}, err
	}
	defer file.Close()
	return conf.Read(file)
}

func load(path string) []gpx.Point {
	file, err := os.Open(path)
	if err != nil {
		fail(exitFile, err)
	}
	defer file.Close()
	points, err := gpx.Parse(file)
	if err != nil {
		fail(exitFile, fmt.Errorf("%s: %w", path, err))
	}
	return points
}

// info describes a walk that has been done: with the stops, without an estimate.
func info(config conf.Config, args []string) int {
	if len(args) != 1 {
		return exitUsage
	}
	points := load(args[0])
	summary := summarise(config, args[0], points)
	summary.Rest = track.Total(track.Stops(points, config.StopRadius, config.StopMinimum))
	report.Markdown(os.Stdout, summary)
	fmt.Println(report.Profile(points, 40))
	return 0
}

// plan describes a walk that is to come. It returns exitClosed when the way touches a
// closed area, so that the club site refuses to publish the walk.
func plan(config conf.Config, args []string) int {
	flags := flag.NewFlagSet("plan", flag.ExitOnError)
	date := flags.String("date", time.Now().Format("2006-01-02"), "day of the walk")
	youngest := flags.Int("youngest", 0, "age of the youngest child, 0 = adults only")
	bog := flags.Bool("bog", false, "off the boards, with bog shoes")
	flags.Parse(args)
	on, err := time.Parse("2006-01-02", *date)
	if err != nil || flags.NArg() != 1 {
		return exitUsage
	}
	points := load(flags.Arg(0))
	summary := summarise(config, flags.Arg(0), points)
	summary.Estimate = config.Pace.Estimate(summary.LengthMetres, summary.Up,
		track.Party{Youngest: *youngest, Bog: *bog})
	summary.Closed = season.Check(points, on, config.Closures)
	report.Markdown(os.Stdout, summary)
	if len(summary.Closed) > 0 {
		return exitClosed
	}
	return 0
}

func closures(config conf.Config, args []string) int {
	flags := flag.NewFlagSet("closures", flag.ExitOnError)
	date := flags.String("date", time.Now().Format("2006-01-02"), "day to look at")
	flags.Parse(args)
	on, err := time.Parse("2006-01-02", *date)
	if err != nil {
		return exitUsage
	}
	season.ByEnd(config.Closures)
	for _, c := range config.Closures {
		if c.Active(on) {
			fmt.Printf("%s until %02d-%02d\n", c.Name, c.To.Month, c.To.Day)
		}
	}
	return 0
}

func thin(args []string) int {
	flags := flag.NewFlagSet("thin", flag.ExitOnError)
	tolerance := flags.Float64("tolerance", 8, "metres a point may be off the line")
	flags.Parse(args)
	if flags.NArg() != 1 {
		return exitUsage
	}
	points := load(flags.Arg(0))
	small := track.Simplify(points, *tolerance)
	fmt.Fprintf(os.Stderr, "%d of %d points kept\n", len(small), len(points))
	if err := gpx.Write(os.Stdout, nameOf(flags.Arg(0)), small); err != nil {
		return exitFile
	}
	return 0
}

func summarise(config conf.Config, path string, points []gpx.Point) report.Summary {
	up, down := track.Ascent(points, config.AscentThreshold)
	return report.Summary{
		Name:         nameOf(path),
		LengthMetres: track.Length(points, config.MaxSpeed),
		Up:           up,
		Down:         down,
	}
}

func nameOf(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

func fail(code int, err error) {
	fmt.Fprintln(os.Stderr, "rada:", err)
	os.Exit(code)
}
