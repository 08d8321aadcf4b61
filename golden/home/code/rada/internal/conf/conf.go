// Package conf reads rada.ini.
package conf

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"sookurg.test/rada/internal/season"
	"sookurg.test/rada/internal/track"
)

// Config is everything that can be set.
type Config struct {
	MaxSpeed        float64
	AscentThreshold float64
	Pace            track.Pace
	StopRadius      float64
	StopMinimum     time.Duration
	Closures        []season.Closure
}

// Default returns the values that hold without any file.
func Default() Config {
	return Config{
		MaxSpeed:        15,
		AscentThreshold: track.DefaultThreshold,
		Pace:            track.DefaultPace,
		StopRadius:      25,
		StopMinimum:     4 * time.Minute,
	}
}

// Find returns the path of the configuration: RADA_CONFIG if it is set, else rada.ini
// in the current folder if there is one, else "".
func Find() string {
	if path := os.Getenv("RADA_CONFIG"); path != "" {
		return path
	}
	if _, err := os.Stat("rada.ini"); err == nil {
		return "rada.ini"
	}
	return ""
}

// Read fills a configuration from the text of a file. A semicolon begins a comment.
// The first mistake ends the reading and its line number is in the error.
func Read(r io.Reader) (Config, error) {
	config, section, number := Default(), "", 0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		number++
		line, _, _ := strings.Cut(lines.Text(), ";")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return config, fmt.Errorf("line %d: no '='", number)
			}
			if err := config.set(section, strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
				return config, fmt.Errorf("line %d: %w", number, err)
			}
		}
	}
	return config, lines.Err()
}

func (c *Config) set(section, key, value string) error {
	if section == "closures" {
		closure, err := parseClosure(key, value)
		c.Closures = append(c.Closures, closure)
		return err
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || number <= 0 {
		return fmt.Errorf("%s needs a positive number, not %q", key, value)
	}
	switch section + "." + key {
	case "track.max_speed":
		c.MaxSpeed = number
	case "track.ascent_threshold":
		c.AscentThreshold = number
	case "pace.flat_kmh":
		c.Pace.FlatKmh = number
	case "pace.climb_m_per_hour":
		c.Pace.ClimbPerHour = number
	case "pace.break_minutes":
		c.Pace.BreakMinutes = number
	case "pace.bog_factor":
		c.Pace.BogFactor = number
	case "stops.radius":
		c.StopRadius = number
	case "stops.minutes":
		c.StopMinimum = time.Duration(number * float64(time.Minute))
	default:
		return fmt.Errorf("unknown key %s in [%s]", key, section)
	}
	return nil
}

// parseClosure reads "03-01, 07-31, south, west, north, east".
func parseClosure(name, value string) (season.Closure, error) {
	c := season.Closure{Name: name}
	parts := strings.Split(value, ",")
	if len(parts) != 6 {
		return c, fmt.Errorf("closure %s needs six values, has %d", name, len(parts))
	}
	var err error
	if c.From, err = season.ParseDay(strings.TrimSpace(parts[0])); err != nil {
		return c, err
	}
	if c.To, err = season.ParseDay(strings.TrimSpace(parts[1])); err != nil {
		return c, err
	}
	for i, target := range []*float64{&c.South, &c.West, &c.North, &c.East} {
		if *target, err = strconv.ParseFloat(strings.TrimSpace(parts[i+2]), 64); err != nil {
			return c, fmt.Errorf("closure %s: %w", name, err)
		}
	}
	return c, nil
}
