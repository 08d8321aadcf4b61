// Package gpx reads the small part of GPX 1.1 that our trackers write.
package gpx

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrEmpty means that a document is valid but has fewer than two usable points.
var ErrEmpty = errors.New("gpx: fewer than two points")

// Point is one fix of the tracker. Ele is in metres and only valid if HasEle is true.
type Point struct {
	Lat, Lon float64
	Ele      float64
	HasEle   bool
	Time     time.Time
}

type document struct {
	Tracks []struct {
		Name     string `xml:"name"`
		Segments []struct {
			Points []rawPoint `xml:"trkpt"`
		} `xml:"trkseg"`
	} `xml:"trk"`
}

type rawPoint struct {
	Lat  float64  `xml:"lat,attr"`
	Lon  float64  `xml:"lon,attr"`
	Ele  *float64 `xml:"ele"`
	Time string   `xml:"time"`
}

// Parse reads one document and joins all its segments into one list of points, in
// the order of the file. Points at exactly 0/0 are dropped: tracker no. 3 writes
// them until it has its first fix.
func Parse(r io.Reader) ([]Point, error) {
	var doc document
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("gpx: %w", err)
	}
	var points []Point
	for _, track := range doc.Tracks {
		for _, segment := range track.Segments {
			for _, raw := range segment.Points {
				if raw.Lat == 0 && raw.Lon == 0 {
					continue
				}
				points = append(points, raw.point())
			}
		}
	}
	if len(points) < 2 {
		return nil, ErrEmpty
	}
	return points, nil
}

func (raw rawPoint) point() Point {
	p := Point{Lat: raw.Lat, Lon: raw.Lon}
	if raw.Ele != nil {
		p.Ele, p.HasEle = *raw.Ele, true
	}
	// A point without a readable time keeps the zero time; Stops ignores it.
	if when, err := time.Parse(time.RFC3339, raw.Time); err == nil {
		p.Time = when
	}
	return p
}

// Write writes the points as one track with one segment. Times are written in UTC.
func Write(w io.Writer, name string, points []Point) error {
	if _, err := fmt.Fprintf(w, "<gpx version=\"1.1\" creator=\"rada\"><trk><name>%s</name><trkseg>\n", name); err != nil {
		return err
	}
	for _, p := range points {
		fmt.Fprintf(w, "<trkpt lat=\"%.6f\" lon=\"%.6f\">", p.Lat, p.Lon)
		if p.HasEle {
			fmt.Fprintf(w, "<ele>%.1f</ele>", p.Ele)
		}
		if !p.Time.IsZero() {
			fmt.Fprintf(w, "<time>%s</time>", p.Time.UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(w, "</trkpt>")
	}
	_, err := fmt.Fprintln(w, "</trkseg></trk></gpx>")
	return err
}
