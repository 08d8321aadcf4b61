package track

import (
	"time"

	"sookurg.test/rada/internal/gpx"
)

// Stop is a place where the group did not move.
type Stop struct {
	Lat, Lon float64
	Begin    time.Time
	Length   time.Duration
}

// Stops finds every stretch of points that stays within radius metres of its first point
// for at least minimum. Points without a time are ignored.
func Stops(points []gpx.Point, radius float64, minimum time.Duration) []Stop {
	var timed []gpx.Point
	for _, p := range points {
		if !p.Time.IsZero() {
			timed = append(timed, p)
		}
	}
	var stops []Stop
	for i := 0; i < len(timed); {
		j := i + 1
		for j < len(timed) && Haversine(timed[i], timed[j]) <= radius {
			j++
		}
		if stay := timed[j-1].Time.Sub(timed[i].Time); stay >= minimum {
			stops = append(stops, Stop{timed[i].Lat, timed[i].Lon, timed[i].Time, stay})
			i = j
		} else {
			i++
		}
	}
	return stops
}

func Total(stops []Stop) time.Duration {
	var sum time.Duration
	for _, s := range stops {
		sum += s.Length
	}
	return sum
}
