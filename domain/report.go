package domain

import "time"

// Status says how much of a section could be read.
type Status string

const (
	// StatusOK means all of the section was read: an empty list means idle.
	StatusOK Status = "ok"
	// StatusDegraded means part of the section is missing.
	StatusDegraded Status = "degraded"
	// StatusFailed means the section is unknown: an empty list means nothing.
	StatusFailed Status = "failed"
	// StatusTimeout means the section did not answer in time and is unknown.
	StatusTimeout Status = "timeout"
	// StatusDisabled means the section is switched off and was not asked.
	StatusDisabled Status = "disabled"
)

// Statuses returns all that the status of a section can be.
func Statuses() []Status {
	return []Status{StatusOK, StatusDegraded, StatusFailed, StatusTimeout, StatusDisabled}
}

// SectionReport says how the reading of one section went.
type SectionReport struct {
	Status Status `json:"status"`
	// Code is one stable word for the first thing that is wrong; null if nothing is.
	Code *Code `json:"code"`
	// DurationMS is how long the section took, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	// Rows is the length of the section's list; null for a section without one.
	Rows *int64 `json:"rows"`
	// Truncated is true if the list was cut at the row cap.
	Truncated bool `json:"truncated"`
	// Anomalies is the number of cells that could not be read as their type and
	// became null.
	Anomalies int64 `json:"anomalies"`
	// RecountedAt is set for a section that keeps sums of what has ended: rows that
	// were changed by hand after it may be missing from them. UTC.
	RecountedAt *time.Time `json:"recounted_at,omitempty"`
	// AsOf is since when the value has been what it is, for a section that is not
	// collected anew at each scrape; left out where it is of the scrape. UTC.
	AsOf *time.Time `json:"as_of,omitempty"`
}
