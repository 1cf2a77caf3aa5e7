package ports

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
)

// ErrUnknownSection is returned for a key that no section has.
var ErrUnknownSection = errors.New("unknown section")

// CheckKeys returns an error that wraps ErrUnknownSection for a key that no section has:
// it is not among some that are known, nor among all, which are asked for only then.
func CheckKeys(keys, some []string, all func() []string) error {
	for _, key := range keys {
		if slices.Contains(some, key) {
			continue
		}
		if some = all(); !slices.Contains(some, key) {
			return fmt.Errorf("%w %q; %s", ErrUnknownSection, key, domain.Choices(some, key))
		}
	}
	return nil
}

// Snapshotter answers what is going on now. It is what the service offers.
type Snapshotter interface {
	// Snapshot returns the envelope with the sections of the keys, with all of
	// them if there are none. A key may be repeated. A failing source is no error:
	// the envelope says of each section how its reading went. Its values may be
	// shared: do not change them. It is of the context's instant (InstantOf), and of now if
	// there is none. The only error wraps ErrUnknownSection.
	Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error)
	// Keys returns the keys of all sections, in the order of the envelope.
	Keys() []string
}
