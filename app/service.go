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
	"sync"
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
	sections []*runner
	instance domain.Instance
	changes  *statusLog
	flights  *flights
}

// Options are the service's settings.
type Options struct {
	// Enabled is the kill switch: without it no source is ever touched.
	Enabled bool
	// SectionTimeout is how long a section may take, and so the whole scrape.
	SectionTimeout time.Duration
	// Disabled are the keys of sections that are not asked.
	Disabled []string
	// Version is shown in the envelope's instance.
	Version string
	// Logger is told when a section's status changes.
	Logger *slog.Logger
}

var _ ports.Snapshotter = (*Service)(nil)

// NewService returns a service over the sections, in the order of the envelope.
// It fails on a key that is malformed, reserved or used twice, and if a key to
// disable does not exist.
func NewService(sections []ports.Section, views []ports.Viewer, clock ports.Clock, cpu ports.CPUReader, opts Options) (*Service, error) {
	s := &Service{
		opts:    opts,
		clock:   clock,
		views:   views,
		changes: newStatusLog(opts.Logger),
		flights: newFlights(opts.SectionTimeout / 20),
	}
	for _, section := range sections {
		r, err := newRunner(section, opts.Disabled)
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.Keys(), r.key) {
			return nil, fmt.Errorf("add section %q: the key is used twice", r.key)
		}
		s.sections = append(s.sections, r)
	}
	for _, key := range opts.Disabled {
		if !slices.Contains(s.Keys(), key) {
			return nil, fmt.Errorf("disable section %q: %w; there are %s", key, ports.ErrUnknownSection, strings.Join(s.Keys(), ", "))
		}
	}
	if opts.Enabled {
		s.clkTck = cpu.ClockTicks()
		s.instance = domain.Instance{ID: rand.Text(), StartedAt: clock.Now().Time(), Version: opts.Version}
	}
	return s, nil
}

// Keys implements ports.Snapshotter.
func (s *Service) Keys() []string {
	keys := make([]string, len(s.sections))
	for i, r := range s.sections {
		keys[i] = r.key
	}
	return keys
}

// Snapshot implements ports.Snapshotter. Callers that ask the same at the same
// time share a scrape, which is finished even if a caller goes away.
func (s *Service) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	shared, err := s.share(ctx, keys)
	if err != nil {
		return domain.Envelope{}, err
	}
	return shared.envelope, nil
}

// SnapshotJSON implements ports.Snapshotter.
func (s *Service) SnapshotJSON(ctx context.Context, keys ...string) ([]byte, error) {
	shared, err := s.share(ctx, keys)
	if err != nil {
		return nil, err
	}
	return shared.encoded()
}

func (s *Service) share(ctx context.Context, keys []string) (*flight, error) {
	if !s.opts.Enabled {
		return s.flights.join("", func() domain.Envelope {
			return domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}
		}), nil
	}
	sections, err := s.choose(keys)
	if err != nil {
		return nil, err
	}
	return s.flights.join(flightKey(sections), func() domain.Envelope {
		return s.scrape(context.WithoutCancel(ctx), sections)
	}), nil
}

func flightKey(sections []*runner) string {
	var key strings.Builder
	for _, r := range sections {
		key.WriteString(r.key)
		key.WriteByte(' ')
	}
	return key.String()
}

// scrape asks the sections at one instant.
func (s *Service) scrape(ctx context.Context, sections []*runner) domain.Envelope {
	at := s.clock.Now()
	envelope := domain.Envelope{SchemaVersion: domain.SchemaVersion}
	envelope.GeneratedAt = at.Time()
	envelope.ClkTck = s.clkTck
	envelope.Clock = at
	envelope.Instance = s.instance
	envelope.Sections = make(map[string]domain.SectionReport, len(sections))
	for i, outcome := range s.collect(ctx, at, sections) {
		key := sections[i].key
		if err := envelope.Set(key, outcome.value); err != nil {
			outcome.fail(err)
		}
		envelope.Sections[key] = outcome.report
		s.changes.note(key, outcome)
	}
	return envelope
}

// choose returns the sections of the keys, in the order of the envelope.
func (s *Service) choose(keys []string) ([]*runner, error) {
	if len(keys) == 0 {
		return s.sections, nil
	}
	known := s.Keys()
	for _, key := range keys {
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("%w %q; there are %s", ports.ErrUnknownSection, key, strings.Join(known, ", "))
		}
	}
	var chosen []*runner
	for _, r := range s.sections {
		if slices.Contains(keys, r.key) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

// collect asks the sections all at once, in one view of each store.
func (s *Service) collect(ctx context.Context, at domain.Instant, sections []*runner) []outcome {
	ctx, cancel := context.WithTimeout(ports.WithInstant(ctx, at), s.opts.SectionTimeout)
	defer cancel()
	for _, viewer := range s.views {
		var end func()
		ctx, end = viewer.View(ctx) //nolint:fatcontext // each view builds on those before it; they are few
		defer end()
	}

	outcomes := make([]outcome, len(sections))
	var group sync.WaitGroup
	for i, section := range sections {
		group.Go(func() { outcomes[i] = section.run(ctx) })
	}
	group.Wait()
	return outcomes
}
