package app

import (
	"math"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// What JSON cannot hold would cost the whole section, whichever adapter it came
// from. Such a value becomes null and counts as an anomaly. The values that
// sources hand out are shared, so that a new one takes the place of a bad one.

// sanitizeNumber returns a number that is finite, or nil.
func sanitizeNumber(number *float64, anomalies *int64) *float64 {
	if number == nil || !math.IsInf(*number, 0) && !math.IsNaN(*number) {
		return number
	}
	*anomalies++
	return nil
}

// sanitizeTime returns a time in UTC that JSON can show, or nil.
func sanitizeTime(at *time.Time, anomalies *int64) *time.Time {
	switch {
	case at == nil:
		return nil
	case !domain.Showable(*at):
		*anomalies++
		return nil
	case at.Location() == time.UTC:
		return at
	default:
		return new(at.UTC())
	}
}
