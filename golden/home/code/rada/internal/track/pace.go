package track

import (
	"math"
	"time"
)

// Pace holds what we know about how fast the club walks.
type Pace struct {
	FlatKmh      float64 // on a good path
	ClimbPerHour float64 // metres of ascent that cost one hour
	BreakMinutes float64 // per hour of walking
	BogFactor    float64 // off the boards, with bog shoes
}

// DefaultPace is used when the configuration says nothing.
var DefaultPace = Pace{FlatKmh: 4.5, ClimbPerHour: 500, BreakMinutes: 10, BogFactor: 1.25}

// Party describes who walks.
type Party struct {
	Youngest int // age in years, 0 = adults only
	Bog      bool
}

// Estimate returns the expected time with breaks, rounded up to five minutes.
func (p Pace) Estimate(lengthMetres, ascent float64, party Party) time.Duration {
	hours := lengthMetres/1000/p.FlatKmh + ascent/p.ClimbPerHour
	hours *= childFactor(party.Youngest)
	if party.Bog {
		hours *= p.BogFactor
	}
	hours += hours * p.BreakMinutes / 60
	return time.Duration(math.Ceil(hours*12)) * 5 * time.Minute
}

// childFactor: under 5 a walk takes twice as long, under 8 one and a half times, under
// 12 a fifth longer. Older children are faster than Pavel.
func childFactor(youngest int) float64 {
	switch {
	case youngest <= 0:
		return 1
	case youngest < 5:
		return 2
	case youngest < 8:
		return 1.5
	case youngest < 12:
		return 1.2
	}
	return 1
}
