package profile

import (
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// time reads a timestamp in the form that the profile says.
func (r reader) time(column string) (at *time.Time) {
	form := r.q.times[column]
	switch form {
	case "", timeSQL: // not returned, or already what Rows reads
		r.Scan(&at)
		return at
	case timeSeconds, timeMillis, timeMicros:
		var number *float64
		if r.Scan(&number); number == nil {
			return nil
		}
		return r.within(*number / unitsPerSecond(form))
	default:
		var text *string
		if r.Scan(&text); text == nil {
			return nil
		}
		at, err := parseTime(form, *text)
		if err != nil {
			r.Anomaly(1)
			return nil
		}
		return r.within(float64(at.Unix()))
	}
}

func unitsPerSecond(form string) float64 {
	switch form {
	case timeMillis:
		return 1e3
	case timeMicros:
		return 1e6
	default:
		return 1
	}
}

// within is the time of a number of seconds since 1970, cut to whole ones; nil and an
// anomaly if it is not in the years that count.
func (r reader) within(seconds float64) *time.Time {
	if !(seconds >= engine.MinTime && seconds < engine.MaxTime) {
		r.Anomaly(1)
		return nil
	}
	return new(time.Unix(int64(seconds), 0).UTC())
}

// parseTime reads a text: RFC 3339, with a space or a T of any case; or what Go's
// time.Time.String writes, with or without what its monotonic clock showed.
func parseTime(form, text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if form == timeRFC3339 {
		text = strings.ToUpper(text)
		if len(text) > len(time.DateOnly) && text[len(time.DateOnly)] == ' ' {
			text = text[:len(time.DateOnly)] + "T" + text[len(time.DateOnly)+1:]
		}
		return time.Parse(time.RFC3339, text)
	}
	text, _, _ = strings.Cut(text, " m=")
	if at, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", text); err == nil {
		return at, nil
	}
	return time.Parse("2006-01-02 15:04:05.999999999 -0700 -0700", text) // where the zone has no name
}
