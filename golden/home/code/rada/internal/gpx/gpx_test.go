package gpx

import (
	"errors"
	"strings"
	"testing"
)

const twoPoints = `<gpx><trk><trkseg>
<trkpt lat="0" lon="0"></trkpt>
<trkpt lat="59.2" lon="25.6"><ele>61.5</ele><time>2026-04-18T08:00:00Z</time></trkpt>
<trkpt lat="59.3" lon="25.7"></trkpt>
</trkseg></trk></gpx>`

func TestParseDropsPointsBeforeTheFirstFix(t *testing.T) {
	points, err := Parse(strings.NewReader(twoPoints))
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 2 || !points[0].HasEle || points[1].HasEle {
		t.Fatalf("got %+v", points)
	}
}

func TestParseEmpty(t *testing.T) {
	_, err := Parse(strings.NewReader("<gpx></gpx>"))
	if !errors.Is(err, ErrEmpty) {
		t.Fatalf("got %v", err)
	}
}

func TestWriteThenParse(t *testing.T) {
	points, _ := Parse(strings.NewReader(twoPoints))
	var out strings.Builder
	if err := Write(&out, "x", points); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(strings.NewReader(out.String()))
	if err != nil || len(again) != 2 || again[0].Ele != 61.5 {
		t.Fatalf("%v %+v", err, again)
	}
}
