// Package track computes the numbers of a walk from its points.
package track

import (
	"math"

	"sookurg.test/rada/internal/gpx"
)

const earthRadius = 6371008.8 // metres, mean radius

// Haversine returns the distance between two points in metres, without height.
func Haversine(a, b gpx.Point) float64 {
	lat1, lat2 := radians(a.Lat), radians(b.Lat)
	dLat, dLon := lat2-lat1, radians(b.Lon-a.Lon)
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(lat1)*math.Cos(lat2)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}

// Length sums the steps in metres. A step that would need more than maxSpeed (metres
// per second) is a jump of the receiver and is left out; without times every step counts.
func Length(points []gpx.Point, maxSpeed float64) float64 {
	total := 0.0
	for i := 1; i < len(points); i++ {
		step := Haversine(points[i-1], points[i])
		if tooFast(points[i-1], points[i], step, maxSpeed) {
			continue
		}
		total += step
	}
	return total
}

func tooFast(a, b gpx.Point, step, maxSpeed float64) bool {
	if maxSpeed <= 0 || a.Time.IsZero() || b.Time.IsZero() {
		return false
	}
	seconds := b.Time.Sub(a.Time).Seconds()
	return seconds > 0 && step/seconds > maxSpeed
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
