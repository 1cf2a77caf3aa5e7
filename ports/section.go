package ports

import (
	"context"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Section is one part of the envelope under a key of its own.
type Section interface {
	// Key is the envelope's key: lower-case letters, digits and underscores,
	// beginning with a letter. It does not change.
	Key() string
	// Default is what the envelope shows when the section fails: an empty list or
	// nil.
	Default() any
	// Collect returns what the envelope shows, or a Collected around it. A value
	// with an error is kept and the section is degraded; no value with an error
	// is a failed section. The context carries the section's deadline; InstantOf
	// reads the scrape's instant from it. Each call returns a fresh value, which
	// encoding/json can encode.
	Collect(ctx context.Context) (any, error)
}

// Collected is a section's value together with what its report shall say. A
// section without any of it returns the plain value.
type Collected struct {
	Value any
	// Rows is the length of the section's list; nil if it has none.
	Rows *int64
	// Truncated is true if the list was cut at the row cap.
	Truncated bool
	// Anomalies is the number of cells that became null.
	Anomalies int64
	// CountedAt is since when all was counted again, see Reading; nil if that says
	// nothing.
	CountedAt *time.Time
}

type instantKey struct{}

// WithInstant returns a context that carries the scrape's instant.
func WithInstant(ctx context.Context, at domain.Instant) context.Context {
	return context.WithValue(ctx, instantKey{}, at)
}

// InstantOf returns the scrape's instant, to which every age is counted. It is
// false for a context that is not of a scrape.
func InstantOf(ctx context.Context) (domain.Instant, bool) {
	at, ok := ctx.Value(instantKey{}).(domain.Instant)
	return at, ok
}
