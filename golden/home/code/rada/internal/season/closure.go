// Package season knows which places are closed on which days.
package season

import (
	"fmt"
	"sort"
	"time"

	"sookurg.test/rada/internal/gpx"
)

// Day is a day of any year.
type Day struct {
	Month time.Month
	Day   int
}

// ParseDay reads "03-01" (month, day).
func ParseDay(text string) (Day, error) {
	when, err := time.Parse("2006-01-02", "2024-"+text) // a leap year, so that 02-29 is allowed
	if err != nil {
		return Day{}, fmt.Errorf("season: %q is not a day like 03-01", text)
	}
	return Day{when.Month(), when.Day()}, nil
}

func (d Day) number() int { return int(d.Month)*100 + d.Day }

// Closure is an area that nobody may enter between two days, both inclusive.
type Closure struct {
	Name                     string
	From, To                 Day
	South, West, North, East float64
}

// Active says whether the area is closed on that day. If To lies before From the closure
// goes over New Year.
func (c Closure) Active(on time.Time) bool {
	today := int(on.Month())*100 + on.Day()
	if c.From.number() <= c.To.number() {
		return c.From.number() <= today && today <= c.To.number()
	}
	return today >= c.From.number() || today <= c.To.number()
}

// Touches says whether at least two points in a row lie inside; a single one may be
// an error of the receiver.
func (c Closure) Touches(points []gpx.Point) bool {
	inside := 0
	for _, p := range points {
		if p.Lat >= c.South && p.Lat <= c.North && p.Lon >= c.West && p.Lon <= c.East {
			if inside++; inside == 2 {
				return true
			}
		} else {
			inside = 0
		}
	}
	return false
}

// Check returns the closures that a walk on that day would violate.
func Check(points []gpx.Point, on time.Time, closures []Closure) []Closure {
	var hit []Closure
	for _, c := range closures {
		if c.Active(on) && c.Touches(points) {
			hit = append(hit, c)
		}
	}
	return hit
}

// ByEnd sorts in place: what opens again first comes first.
func ByEnd(closures []Closure) {
	sort.SliceStable(closures, func(i, j int) bool {
		return closures[i].To.number() < closures[j].To.number()
	})
}
