package season

import (
	"testing"
	"time"

	"sookurg.test/rada/internal/gpx"
)

func day(text string) time.Time {
	when, err := time.Parse("2006-01-02", text)
	if err != nil {
		panic(err)
	}
	return when
}

func TestActiveIsInclusive(t *testing.T) {
	c := Closure{From: Day{time.March, 1}, To: Day{time.July, 31}}
	for text, want := range map[string]bool{
		"2026-02-28": false, "2026-03-01": true, "2026-07-31": true, "2026-08-01": false,
	} {
		if got := c.Active(day(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestActiveOverNewYear(t *testing.T) {
	c := Closure{From: Day{time.November, 15}, To: Day{time.February, 15}}
	if !c.Active(day("2026-01-10")) || c.Active(day("2026-06-10")) {
		t.Fatal("wrong over New Year")
	}
}

func TestOnePointIsNotEnough(t *testing.T) {
	c := Closure{South: 59, West: 25, North: 60, East: 26}
	if c.Touches([]gpx.Point{{Lat: 59.5, Lon: 25.5}, {Lat: 61, Lon: 25.5}, {Lat: 59.5, Lon: 25.5}}) {
		t.Fatal("single points must not count")
	}
}

func TestParseDay(t *testing.T) {
	if _, err := ParseDay("31-12"); err == nil {
		t.Fatal("month 31 accepted")
	}
}
