package app

import (
	"context"
	"slices"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Snapshot implements ports.Snapshotter. It is finished even if the caller goes away.
func (s *Service) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	if !s.opts.Enabled {
		return domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}, nil
	}
	if len(keys) > 0 {
		if err := s.check(keys); err != nil {
			return domain.Envelope{}, err
		}
	}
	return s.scrape(context.WithoutCancel(ctx), keys), nil
}

// check tells whether each of the keys is known.
func (s *Service) check(keys []string) error {
	known := s.fixed()
	unknown := func(key string) bool { return !slices.Contains(known, key) }
	if !slices.ContainsFunc(keys, unknown) {
		return nil
	}
	known = s.Keys()
	if i := slices.IndexFunc(keys, unknown); i >= 0 {
		return ports.UnknownSection(keys[i], known)
	}
	return nil
}

// scrape asks the sections of the keys, or all of them, at one instant and in one
// view of each store, all at once.
func (s *Service) scrape(ctx context.Context, keys []string) domain.Envelope {
	at := s.clock.Now()
	ctx, cancel := context.WithTimeout(ports.WithInstant(ctx, at), s.opts.SectionTimeout)
	defer cancel()
	for _, viewer := range s.views {
		var end func()
		ctx, end = viewer.View(ctx) //nolint:fatcontext // each view builds on those before it; they are few
		defer end()
	}
	sections := s.asked
	if len(keys) > 0 {
		sections = wanted(sections, keys)
	}
	if i := slices.IndexFunc(sections, func(s *section) bool { return s.jobs != nil && !s.disabled }); i >= 0 {
		ctx = sections[i].jobs.begin(ctx)
	}
	var more []outcome // of the sections that come and go
	var group sync.WaitGroup
	if len(s.opts.Listers) > 0 {
		group.Go(func() { more = s.dynamic.run(ctx, keys) })
	}
	outcomes := runAll(ctx, sections)
	group.Wait()
	envelope := s.assemble(at, append(outcomes, more...))
	if len(keys) == 0 {
		s.changes.gone(envelope.Sections)
	}
	return envelope
}

// wanted are the sections of the keys.
func wanted(sections []*section, keys []string) []*section {
	return slices.DeleteFunc(slices.Clone(sections), func(s *section) bool { return !slices.Contains(keys, s.key) })
}

// runAll asks the sections all at once.
func runAll(ctx context.Context, sections []*section) []outcome {
	outcomes := make([]outcome, len(sections))
	var group sync.WaitGroup
	for i, section := range sections {
		group.Go(func() { outcomes[i] = section.run(ctx) })
	}
	group.Wait()
	return outcomes
}

// assemble makes an envelope of what the sections came to.
func (s *Service) assemble(at domain.Instant, outcomes []outcome) domain.Envelope {
	envelope := domain.Envelope{
		SchemaVersion: domain.SchemaVersion,
		GeneratedAt:   at.Time(),
		ClkTck:        s.clkTck,
		Clock:         at,
		Instance:      s.instance,
		Sections:      make(map[string]domain.SectionReport, len(outcomes)),
	}
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
