// Package app assembles the envelope: it asks every section at one instant,
// keeps the failure of one away from the others, and reports how each went.
package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
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
	sections []*section
	asked    []*section // those of them that no recording answers
	fixed    []string   // the keys of all, the recorded ones first
	listers  []*lister
	instance domain.Instance
	guard    guard // of the sections, by their keys
	changes  *statusLog
}

// Options are the service's settings.
type Options struct {
	// Enabled is the kill switch: without it no source is ever touched.
	Enabled bool
	// SectionTimeout is how long a section may take, and so the whole scrape.
	SectionTimeout time.Duration
	// Disabled are the keys of sections that are not asked.
	Disabled []string
	// Recorded are the keys of sections that a recording answers. They are known, and
	// taken, but sections with these keys are not asked.
	Recorded []string
	// Listers bring sections that come and go, after the fixed ones.
	Listers []ports.SectionLister
	// Version is shown in the envelope's instance.
	Version string
	// Exposition writes Text; without it there is none.
	Exposition ports.Exposition
	// Logger is told when a section's status changes.
	Logger *slog.Logger
}

var _ ports.Snapshotter = (*Service)(nil)

// NewService returns a service over the sections, in the order of the envelope.
// It fails on a key that is malformed, reserved or used twice, and if a key to
// disable does not exist; where sections come and go, it may be one that comes.
// Without a reader of processes the envelope's clk_tck is null.
func NewService(sections []ports.Section, views []ports.Viewer, clock ports.Clock, cpu ports.CPUReader, opts Options) (*Service, error) {
	s := &Service{opts: opts, clock: clock, views: views, fixed: slices.Clone(opts.Recorded), changes: newStatusLog(opts.Logger)}
	for _, source := range sections {
		added, err := s.newSection(source)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.sections, func(other *section) bool { return other.key == added.key }) {
			return nil, fmt.Errorf("add section %q: the key is used twice", added.key)
		}
		s.sections = append(s.sections, added)
		if !slices.Contains(opts.Recorded, added.key) {
			s.asked, s.fixed = append(s.asked, added), append(s.fixed, added.key)
		}
	}
	for _, source := range opts.Listers {
		s.listers = append(s.listers, &lister{SectionLister: source})
	}
	for _, key := range opts.Disabled {
		mayCome := len(opts.Listers) > 0 && domain.WellFormed(key)
		if !slices.Contains(s.fixed, key) && !mayCome {
			return nil, fmt.Errorf("disable section %q: %w; %s", key, ports.ErrUnknownSection, domain.Choices(s.fixed, key))
		}
	}
	if opts.Enabled {
		if cpu != nil {
			s.clkTck = cpu.ClockTicks()
		}
		s.instance = domain.Instance{ID: rand.Text(), StartedAt: clock.Now().Time(), Version: opts.Version}
	}
	return s, nil
}

// Keys implements ports.Snapshotter. Of the sections that come and go it has those that
// there are now, and those that there were while their source could be listed.
func (s *Service) Keys() []string {
	keys := slices.Clone(s.fixed)
	if !s.opts.Enabled || len(s.listers) == 0 {
		return keys
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.SectionTimeout/4)
	defer cancel()
	for _, section := range s.list(ctx) {
		if section.given == nil || !section.given.refused {
			keys = append(keys, section.key)
		}
	}
	return keys
}

// Snapshot implements ports.Snapshotter. It is finished even if the caller goes away.
func (s *Service) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	if !s.opts.Enabled {
		return domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}, nil
	}
	if len(keys) > 0 {
		if err := ports.CheckKeys(keys, s.fixed, s.Keys); err != nil {
			return domain.Envelope{}, err //nolint:wrapcheck // names the unknown section and the known ones
		}
	}
	at, given := ports.InstantOf(ctx)
	if !given {
		at = s.clock.Now()
	}
	outcomes := s.scrape(ports.WithInstant(context.WithoutCancel(ctx), at), keys)
	envelope := domain.Envelope{
		SchemaVersion: domain.SchemaVersion,
		GeneratedAt:   at.Time(),
		ClkTck:        s.clkTck,
		Clock:         at,
		Instance:      s.instance,
		Sections:      make(map[string]domain.SectionReport, len(outcomes)),
	}
	for i := range outcomes {
		o := &outcomes[i]
		if !o.refused {
			if err := envelope.Set(o.key, o.value); err != nil {
				o.fail(err)
			}
		}
		envelope.Sections[o.key] = o.report
	}
	s.changes.note(outcomes, envelope.Sections, len(keys) == 0)
	return envelope, nil
}

// Schemas returns the JSON Schema of each section beside the core that declares one, and
// the section's default, both by its key.
func (s *Service) Schemas() (declared, defaults map[string]json.RawMessage, err error) {
	declared, defaults = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, section := range s.sections {
		described, ok := section.source.(ports.Described)
		fallback, extension := section.fallback.(json.RawMessage)
		if !ok || !extension {
			continue
		}
		schema, err := recovered(func() (json.RawMessage, error) { return described.Schema(), nil })
		if err != nil {
			return nil, nil, fmt.Errorf("add schema of section %q: %w", section.key, err)
		}
		declared[section.key], defaults[section.key] = schema, fallback
	}
	return declared, defaults, nil
}

// scrape asks the sections of the keys, or all of them, all at once and in one view of
// each store.
func (s *Service) scrape(ctx context.Context, keys []string) []outcome {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SectionTimeout)
	defer cancel()
	for _, viewer := range s.views {
		var end func()
		ctx, end = viewer.View(ctx) //nolint:fatcontext // each view builds on those before it; they are few
		defer end()
	}
	var listed []outcome
	var group sync.WaitGroup
	if len(s.listers) > 0 {
		group.Go(func() { listed = runAll(ctx, s.list(ctx), keys) })
	}
	outcomes := runAll(ctx, s.asked, keys)
	group.Wait()
	return append(outcomes, listed...)
}

// runAll asks those of the sections that are wanted, all at once. Without keys all are but
// those that are missing: only who asks for one is told why.
func runAll(ctx context.Context, sections []*section, keys []string) []outcome {
	wanted := slices.DeleteFunc(slices.Clone(sections), func(one *section) bool {
		return len(keys) == 0 && one.missing || len(keys) > 0 && !slices.Contains(keys, one.key)
	})
	for _, one := range wanted {
		if reads, ok := one.source.(beginner); ok && one.given == nil {
			ctx = reads.begin(ctx) //nolint:fatcontext // once: the sections share what it has begun
			break
		}
	}
	outcomes := make([]outcome, len(wanted))
	var group sync.WaitGroup
	for i, section := range wanted {
		group.Go(func() { outcomes[i] = section.run(ctx) })
	}
	group.Wait()
	return outcomes
}
