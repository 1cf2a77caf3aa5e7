package ports

import "context"

// Recorded is what a view that plays a recording says of the scrape that was
// recorded. Nothing is kept from such a scrape to the next: each is of its own.
type Recorded struct {
	// Off tells that the kill switch was off: no source is asked.
	Off bool
	// Disabled are the keys of sections that were not asked, and are not now.
	Disabled []string
	// Played are the keys of sections that a SectionLister plays: the service's own
	// of the same key is not asked.
	Played []string
}

type recordedKey struct{}

// WithRecorded returns a context, for a Viewer to return, in which the scrape is
// a recorded one.
func WithRecorded(ctx context.Context, recorded Recorded) context.Context {
	return context.WithValue(ctx, recordedKey{}, recorded)
}

// RecordedOf returns what is known of the recorded scrape. It is false for a
// scrape that is not one.
func RecordedOf(ctx context.Context) (Recorded, bool) {
	recorded, ok := ctx.Value(recordedKey{}).(Recorded)
	return recorded, ok
}
