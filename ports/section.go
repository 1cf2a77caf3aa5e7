package ports

import (
	"context"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Section is one part of the envelope under a key of its own.
type Section interface {
	// Key is the envelope's key: at most 63 lower-case letters, digits and
	// underscores, beginning with a letter. It does not change.
	Key() string
	// Default is what the envelope shows when the section fails: an empty list or
	// nil.
	Default() any
	// Collect returns what the envelope shows, or a Collected around it. A value
	// with an error is kept and the section is degraded; no value with an error
	// is a failed section. The context carries the section's deadline; InstantOf
	// reads the scrape's instant from it. encoding/json can encode the value, which is
	// read-only from then on.
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
	// AsOf is since when the value has been what it is, for a section that knows
	// it to be older than the scrape; nil if it is of the scrape.
	AsOf *time.Time
}

// Timed is a section that wants less time than the others.
type Timed interface {
	// Timeout is how long Collect may take before the section is given up. It is
	// asked once, and can only shorten what the service grants every section
	// (ORCH_SECTION_TIMEOUT); 0 and less change nothing.
	Timeout() time.Duration
}

// Paced is a section that shall not be collected at every scrape.
type Paced interface {
	// MinInterval is how long after the begin of a collection no other one begins,
	// and its value is shown again, with the time of its scrape as AsOf. A failed
	// or degraded collection is never shown again: the next scrape collects anew.
	// It is asked once; 0 and less change nothing.
	MinInterval() time.Duration
}

// SectionLister is a source of sections that come and go while the service runs.
type SectionLister interface {
	// Name stands for the source in the reports of an answer while not all its
	// sections can be listed. It is no key that a section could have: give it an
	// upper-case letter.
	Name() string
	// Sections returns the sections that there are now, in the order of the
	// envelope, where they come after the fixed ones; an empty list if there are
	// none. It is asked at each scrape, and reads no more than it needs to know
	// the keys. A value with an error are the sections that could be listed.
	Sections(ctx context.Context) ([]Listed, error)
}

// Listed is a section that a SectionLister found. Of the optional interfaces of
// a section Timed is honoured, and Paced and Measured are not: whoever lists it anew each time
// knows better what to keep.
type Listed struct {
	Section Section
	// Origin is where the section comes from, such as the name of a file. A section
	// whose key is malformed or taken is reported under it; so it is no key that a
	// section could have.
	Origin string
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
