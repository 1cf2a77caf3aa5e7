package app

import (
	"math"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// What JSON cannot hold would cost the whole section, whichever adapter it came
// from. Such a value becomes null and counts as an anomaly.

func dropInfinite(number **float64) (anomalies int64) {
	if *number == nil || !math.IsInf(**number, 0) && !math.IsNaN(**number) {
		return 0
	}
	*number = nil
	return 1
}

// toUTC also shows a time of any zone in UTC.
func toUTC(at **time.Time) (anomalies int64) {
	if *at == nil {
		return 0
	}
	utc := (*at).UTC()
	if !domain.Showable(utc) {
		*at = nil
		return 1
	}
	*at = &utc
	return 0
}
