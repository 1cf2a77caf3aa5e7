// Package app assembles the envelope: it asks every section at one instant,
// keeps the failure of one away from the others, and reports how each went.
package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Service answers what is going on now. It is safe for concurrent use.
type Service struct {
	opts     Options
	clock    ports.Clock
	clkTck   *int64
	views    []ports.Viewer
	sections []*section
	listed   *listed
	instance domain.Instance
	changes  *statusLog
	scrapes  *coalescer
}

// Options are the service's settings.
type Options struct {
	// Enabled is the kill switch: without it no source is ever touched.
	Enabled bool
	// SectionTimeout is how long a section may take, and so the whole scrape.
	SectionTimeout time.Duration
	// Spacing is how long after the begin of a scrape the next one of the same
	// question begins, at the earliest: all who ask meanwhile share it.
	Spacing time.Duration
	// Disabled are the keys of sections that are not asked.
	Disabled []string
	// Listers bring sections that come and go, after the fixed ones.
	Listers []ports.SectionLister
	// Version is shown in the envelope's instance.
	Version string
	// Exposition writes SnapshotText; without it there is none.
	Exposition ports.Exposition
	// Logger is told when a section's status changes.
	Logger *slog.Logger
}

var _ ports.Snapshotter = (*Service)(nil)

// NewService returns a service over the sections, in the order of the envelope.
// It fails on a key that is malformed, reserved or used twice, and if a key to
// disable does not exist; where sections come and go, it may be one that comes.
func NewService(sections []ports.Section, views []ports.Viewer, clock ports.Clock, cpu ports.CPUReader, opts Options) (*Service, error) {
	s := &Service{
		opts:    opts,
		clock:   clock,
		views:   views,
		changes: newStatusLog(opts.Logger),
		scrapes: newCoalescer(opts.Spacing, opts.SectionTimeout/20),
	}
	for _, section := range sections {
		added, err := newSection(section, opts.Disabled)
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.fixed(), added.key) {
			return nil, fmt.Errorf("add section %q: the key is used twice", added.key)
		}
		s.sections = append(s.sections, added)
	}
	for _, key := range opts.Disabled {
		mayCome := len(opts.Listers) > 0 && domain.WellFormed(key)
		if !slices.Contains(s.fixed(), key) && !mayCome {
			return nil, fmt.Errorf("disable section %q: %w; %s", key, ports.ErrUnknownSection, thereAre(s.fixed(), key))
		}
	}
	s.listed = newListed(opts, s.fixed())
	if opts.Enabled {
		s.clkTck = cpu.ClockTicks()
		s.instance = domain.Instance{ID: rand.Text(), StartedAt: clock.Now().Time(), Version: opts.Version}
	}
	return s, nil
}

// Keys implements ports.Snapshotter. Of the sections that come and go it has
// those that there are now.
func (s *Service) Keys() []string {
	if !s.opts.Enabled {
		return s.fixed()
	}
	return append(s.fixed(), s.listed.keys()...)
}

// fixed returns the keys of the sections that do not come and go.
func (s *Service) fixed() []string {
	keys := make([]string, len(s.sections))
	for i, section := range s.sections {
		keys[i] = section.key
	}
	return keys
}

// check tells whether each of the keys is known.
func (s *Service) check(keys []string) error {
	known := s.fixed()
	strange := func(key string) bool { return !slices.Contains(known, key) }
	if !slices.ContainsFunc(keys, strange) {
		return nil
	}
	known = s.Keys()
	if i := slices.IndexFunc(keys, strange); i >= 0 && !s.playsOff() {
		return fmt.Errorf("%w %q; %s", ports.ErrUnknownSection, keys[i], thereAre(known, keys[i]))
	}
	return nil
}

// playsOff tells whether the next answer of a recording is that of the kill
// switch, which refuses no key. A view outside a scrape takes no step of it.
func (s *Service) playsOff() bool {
	ctx := context.Background()
	for _, viewer := range s.views {
		var end func()
		ctx, end = viewer.View(ctx) //nolint:fatcontext // each view builds on those before it; they are few
		defer end()
	}
	recorded, _ := ports.RecordedOf(ctx)
	return recorded.Off
}

// thereAre names the known keys, and the one that an unknown key was meant to be.
func thereAre(known []string, unknown string) string {
	text := "there are " + strings.Join(known, ", ")
	if nearest := domain.Nearest(unknown, known); nearest != "" {
		text += "; did you mean " + nearest + "?"
	}
	return text
}
