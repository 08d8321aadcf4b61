package track

import (
	"sort"

	"sookurg.test/rada/internal/gpx"
)

// DefaultThreshold is the smallest climb in metres that counts, see docs/decisions.md.
const DefaultThreshold = 5.0

// Ascent returns the metres climbed and the metres descended. The heights are first
// smoothed by a median of five; then a change of direction counts only after the
// height has moved by threshold. Points without a height are skipped.
func Ascent(points []gpx.Point, threshold float64) (up, down float64) {
	heights := medianOfFive(heightsOf(points))
	if len(heights) == 0 {
		return 0, 0
	}
	anchor := heights[0]
	for _, h := range heights[1:] {
		switch {
		case h-anchor >= threshold:
			up += h - anchor
			anchor = h
		case anchor-h >= threshold:
			down += anchor - h
			anchor = h
		}
	}
	return up, down
}

func heightsOf(points []gpx.Point) []float64 {
	var heights []float64
	for _, p := range points {
		if p.HasEle {
			heights = append(heights, p.Ele)
		}
	}
	return heights
}

// medianOfFive replaces each height by the median of itself and its two neighbours on
// each side. The two heights at either end stay as they are.
func medianOfFive(heights []float64) []float64 {
	if len(heights) < 5 {
		return heights
	}
	out := append([]float64(nil), heights...)
	window := make([]float64, 5)
	for i := 2; i < len(heights)-2; i++ {
		copy(window, heights[i-2:i+3])
		sort.Float64s(window)
		out[i] = window[2]
	}
	return out
}
