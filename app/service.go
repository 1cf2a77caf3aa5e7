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
	listed   *listed
	instance domain.Instance
	changes  *statusLog
	flights  *flights
	looking  guard
	last     lastScrape
}

// Options are the service's settings.
type Options struct {
	// Enabled is the kill switch: without it no source is ever touched.
	Enabled bool
	// SectionTimeout is how long a section may take, and so the whole scrape.
	SectionTimeout time.Duration
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
		flights: newFlights(opts.SectionTimeout / 20),
	}
	for _, section := range sections {
		r, err := newRunner(section, opts.Disabled)
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.fixed(), r.key) {
			return nil, fmt.Errorf("add section %q: the key is used twice", r.key)
		}
		s.sections = append(s.sections, r)
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
		s.last.tick = tickOf(s.clkTck)
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
	for i, r := range s.sections {
		keys[i] = r.key
	}
	return keys
}

// Snapshot implements ports.Snapshotter. Callers that ask the same at the same
// time share a scrape, which is finished even if a caller goes away.
func (s *Service) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	shared, err := s.share(ctx, keys, false)
	if err != nil {
		return domain.Envelope{}, err
	}
	defer shared.leave()
	return shared.shown.envelope, nil
}

// SnapshotJSON implements ports.Snapshotter.
func (s *Service) SnapshotJSON(ctx context.Context, keys ...string) ([]byte, func(), error) {
	shared, err := s.share(ctx, keys, true)
	if err != nil {
		return nil, func() {}, err
	}
	body, err := shared.encoded()
	return body, shared.leave, err
}

// share joins a scrape of these sections. Who wants its JSON has the sections
// encoded while the views end.
func (s *Service) share(ctx context.Context, keys []string, asJSON bool) (*flight, error) {
	if !s.opts.Enabled {
		return s.flights.join("", switchedOff), nil
	}
	if err := s.check(keys); err != nil {
		return nil, err
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(keys)))
	return s.flights.join(strings.Join(wanted, " "), func() *scraped {
		return s.scrape(context.WithoutCancel(ctx), wanted, asJSON)
	}), nil
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

// switchedOff is the whole answer while the kill switch is off.
func switchedOff() *scraped {
	return newScraped(domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true})
}

// thereAre names the known keys, and the one that an unknown key was meant to be.
func thereAre(known []string, unknown string) string {
	text := "there are " + strings.Join(known, ", ")
	if nearest := domain.Nearest(unknown, known); nearest != "" {
		text += "; did you mean " + nearest + "?"
	}
	return text
}

// scrape asks the sections of the keys, or all of them, at one instant and in one
// view of each store.
func (s *Service) scrape(ctx context.Context, keys []string, asJSON bool) *scraped {
	at, began := s.clock.Now(), time.Now()
	ctx, cancel := context.WithTimeout(ports.WithInstant(ctx, at), s.opts.SectionTimeout)
	defer cancel()
	for _, viewer := range s.views {
		var end func()
		ctx, end = viewer.View(ctx) //nolint:fatcontext // each view builds on those before it; they are few
		defer end()
	}
	if recorded, _ := ports.RecordedOf(ctx); recorded.Off {
		return switchedOff()
	}
	if len(keys) > 0 {
		return newScraped(s.assemble(at, s.collect(ctx, keys)))
	}
	var revisions []any
	if s.last.follows(began) {
		revisions = s.revisions(ctx)
	}
	if same := s.last.of(revisions, at, began); same != nil {
		return same.again(at, time.Since(began))
	}
	shown := newScraped(s.assemble(at, s.collect(ctx, nil)))
	s.last.keep(revisions, began, shown)
	if asJSON {
		go shown.encodeSections()
	}
	return shown
}

// assemble makes an envelope of what the sections came to.
func (s *Service) assemble(at domain.Instant, outcomes []outcome) domain.Envelope {
	envelope := domain.Envelope{SchemaVersion: domain.SchemaVersion}
	envelope.GeneratedAt = at.Time()
	envelope.ClkTck = s.clkTck
	envelope.Clock = at
	envelope.Instance = s.instance
	envelope.Sections = make(map[string]domain.SectionReport, len(outcomes))
	for _, o := range outcomes {
		if !o.refused {
			if err := envelope.Set(o.key, o.value); err != nil {
				o.fail(err)
			}
		}
		envelope.Sections[o.key] = o.report
		s.changes.note(o.key, o)
	}
	s.changes.forget(envelope.Sections)
	return envelope
}

// collect asks the sections all at once.
func (s *Service) collect(ctx context.Context, keys []string) []outcome {
	var group sync.WaitGroup
	var later []outcome
	group.Go(func() { later = s.listed.run(ctx, keys) })
	recorded, _ := ports.RecordedOf(ctx)
	outcomes := runAll(ctx, notPlayed(s.sections, recorded), keys)
	group.Wait()
	return append(outcomes, later...)
}

// notPlayed are those sections of which no recording is played.
func notPlayed(sections []*runner, recorded ports.Recorded) []*runner {
	if len(recorded.Played) == 0 {
		return sections
	}
	return slices.DeleteFunc(slices.Clone(sections), func(r *runner) bool { return slices.Contains(recorded.Played, r.key) })
}

// runAll asks those sections that are wanted, all at once. Without keys all are.
func runAll(ctx context.Context, sections []*runner, keys []string) []outcome {
	var wanted []*runner
	for _, section := range sections {
		if len(keys) == 0 || slices.Contains(keys, section.key) {
			wanted = append(wanted, section)
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
