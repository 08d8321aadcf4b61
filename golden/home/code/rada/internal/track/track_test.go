package track

import (
	"math"
	"testing"
	"time"

	"sookurg.test/rada/internal/gpx"
)

func at(lat, lon, ele float64, minute int) gpx.Point {
	start := time.Date(2026, 4, 18, 8, 0, 0, 0, time.UTC)
	return gpx.Point{Lat: lat, Lon: lon, Ele: ele, HasEle: true, Time: start.Add(time.Duration(minute) * time.Minute)}
}

func TestHaversineOneDegreeOfLatitude(t *testing.T) {
	d := Haversine(at(59, 25, 0, 0), at(60, 25, 0, 0))
	if math.Abs(d-111195) > 5 {
		t.Fatalf("got %.0f", d)
	}
}

func TestLengthLeavesOutJumps(t *testing.T) {
	// One degree in a minute is 1 850 m/s, even Liisa is slower.
	points := []gpx.Point{at(59, 25, 0, 0), at(60, 25, 0, 1), at(60.001, 25, 0, 10)}
	if got := Length(points, 12); got > 200 {
		t.Fatalf("got %.0f", got)
	}
}

func TestAscentIgnoresNoise(t *testing.T) {
	var points []gpx.Point
	for i := 0; i < 60; i++ {
		points = append(points, at(59, 25+float64(i)/1000, 50+float64(i%2)*3, i))
	}
	if up, _ := Ascent(points, DefaultThreshold); up != 0 {
		t.Fatalf("got %.1f", up)
	}
}

func TestEstimateWithSmallChild(t *testing.T) {
	adults := DefaultPace.Estimate(9000, 0, Party{})
	family := DefaultPace.Estimate(9000, 0, Party{Youngest: 6})
	if adults != 140*time.Minute || family != 210*time.Minute {
		t.Fatalf("%v %v", adults, family)
	}
}

func TestStopsFindsLunch(t *testing.T) {
	points := []gpx.Point{at(59, 25, 0, 0), at(59.01, 25, 0, 10), at(59.01, 25.0001, 0, 40), at(59.02, 25, 0, 50)}
	stops := Stops(points, 25, 4*time.Minute)
	if len(stops) != 1 || Total(stops) != 30*time.Minute {
		t.Fatalf("%+v", stops)
	}
}

func TestSimplifyKeepsTheEnds(t *testing.T) {
	points := []gpx.Point{at(59, 25, 0, 0), at(59.00001, 25.001, 0, 1), at(59, 25.002, 0, 2)}
	if got := Simplify(points, 8); len(got) != 2 {
		t.Fatalf("got %d points", len(got))
	}
}
