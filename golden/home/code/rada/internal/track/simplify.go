package track

import (
	"math"

	"sookurg.test/rada/internal/gpx"
)

// Simplify removes points that lie closer than tolerance metres to the line between
// their kept neighbours. First and last point always stay. It works with its own stack:
// the recursive version died on a tracker that had lain in a rucksack for a night.
func Simplify(points []gpx.Point, tolerance float64) []gpx.Point {
	if len(points) < 3 || tolerance <= 0 {
		return points
	}
	keep := make([]bool, len(points))
	keep[0], keep[len(points)-1] = true, true
	stack := [][2]int{{0, len(points) - 1}}
	for len(stack) > 0 {
		span := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		far, worst := 0, 0.0
		for i := span[0] + 1; i < span[1]; i++ {
			if d := offLine(points[i], points[span[0]], points[span[1]]); d > worst {
				far, worst = i, d
			}
		}
		if worst > tolerance {
			keep[far] = true
			stack = append(stack, [2]int{span[0], far}, [2]int{far, span[1]})
		}
	}
	var out []gpx.Point
	for i, p := range points {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

func offLine(p, a, b gpx.Point) float64 {
	// Flat projection around a; good enough below 50 km.
	scale := math.Cos(radians(a.Lat))
	px, py := radians(p.Lon-a.Lon)*scale*earthRadius, radians(p.Lat-a.Lat)*earthRadius
	bx, by := radians(b.Lon-a.Lon)*scale*earthRadius, radians(b.Lat-a.Lat)*earthRadius
	length := math.Hypot(bx, by)
	if length == 0 {
		return math.Hypot(px, py)
	}
	return math.Abs(px*by-py*bx) / length
}
