package ports

import (
	"context"
	"errors"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
)

// ErrUnknownSection is returned for a key that no section has.
var ErrUnknownSection = errors.New("unknown section")

// UnknownSection returns the error for such a key, where these are known.
func UnknownSection(key string, known []string) error {
	return fmt.Errorf("%w %q; %s", ErrUnknownSection, key, domain.Choices(known, key))
}

// Snapshotter answers what is going on now. It is what the service offers.
type Snapshotter interface {
	// Snapshot returns the envelope with the sections of the keys, with all of
	// them if there are none. A key may be repeated. A failing source is no error:
	// the envelope says of each section how its reading went. Its values may be
	// shared: do not change them. The only error wraps ErrUnknownSection.
	Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error)
	// Keys returns the keys of all sections, in the order of the envelope.
	Keys() []string
}
