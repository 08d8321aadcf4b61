// Package report prints what the leader reads on the telephone.
package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sookurg.test/rada/internal/gpx"
	"sookurg.test/rada/internal/season"
)

// Summary is one walk in numbers.
type Summary struct {
	Name         string
	LengthMetres float64
	Up, Down     float64
	Estimate     time.Duration
	Rest         time.Duration
	Closed       []season.Closure
}

// Markdown writes the summary. The club site renders it as it is.
func Markdown(w io.Writer, s Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n", s.Name)
	fmt.Fprintf(&b, "- length %.1f km\n", s.LengthMetres/1000)
	fmt.Fprintf(&b, "- up %.0f m, down %.0f m\n", s.Up, s.Down)
	if s.Estimate > 0 {
		fmt.Fprintf(&b, "- about %s with breaks\n", FormatDuration(s.Estimate))
	}
	if s.Rest > 0 {
		fmt.Fprintf(&b, "- of it standing still: %s\n", FormatDuration(s.Rest))
	}
	for _, c := range s.Closed {
		fmt.Fprintf(&b, "- **CLOSED**: %s until %02d.%02d.\n", c.Name, c.To.Day, c.To.Month)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// FormatDuration gives "3 h 05" or "45 min".
func FormatDuration(d time.Duration) string {
	minutes := int(d.Round(time.Minute).Minutes())
	if minutes < 60 {
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d h %02d", minutes/60, minutes%60)
}

const blocks = "▁▂▃▄▅▆▇█"

func Profile(points []gpx.Point, columns int) string {
	if len(points) == 0 || columns < 1 {
		return ""
	}
	low, high := points[0].Ele, points[0].Ele
	for _, p := range points {
		low, high = min(low, p.Ele), max(high, p.Ele)
	}
	steps := []rune(blocks)
	var out strings.Builder
	for c := 0; c < columns; c++ {
		p := points[c*len(points)/columns]
		level := 0
		if high > low {
			level = int((p.Ele - low) / (high - low) * float64(len(steps)-1))
		}
		out.WriteRune(steps[level])
	}
	return out.String()
}
