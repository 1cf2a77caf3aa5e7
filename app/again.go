package app

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// revisionOf is the revision of what depends on up to two sources, if all of them
// have one.
func revisionOf(ctx context.Context, sources ...any) (any, bool) {
	var all [2]any
	for i, source := range sources {
		revised, ok := source.(ports.Revised)
		if !ok {
			return nil, false
		}
		if all[i], ok = revised.Revision(ctx); !ok || !reflect.ValueOf(all[i]).Comparable() {
			return nil, false
		}
	}
	return all, true
}

// scraped is an envelope and its sections as JSON, which are encoded when they are
// first needed.
type scraped struct {
	envelope domain.Envelope
	sections func() domain.Encoded
}

func newScraped(envelope domain.Envelope) *scraped {
	return &scraped{envelope, sync.OnceValue(envelope.EncodeSections)}
}

// encodeSections encodes the sections ahead of who needs them, who also meets the
// panic if there is one.
func (s *scraped) encodeSections() {
	defer func() { _ = recover() }()
	s.sections()
}

// again shows the same sections at another instant. Looking whether they are the
// same is all that it took.
func (s *scraped) again(at domain.Instant, took time.Duration) *scraped {
	envelope := s.envelope
	envelope.Clock = at
	envelope.Sections = maps.Clone(envelope.Sections)
	for key, report := range envelope.Sections {
		if report.Status == domain.StatusOK {
			report.DurationMS = milliseconds(took)
			envelope.Sections[key] = report
		}
	}
	return &scraped{envelope, s.sections}
}

// lastScrape is what a scrape came to, and what it depended on: while that is the
// same, its values are shown again. What depends on the clock changes with the
// second or with the tick.
type lastScrape struct {
	tick time.Duration

	mu        sync.Mutex
	latest    time.Time // when the last scrape began, whatever it came to
	revisions []any
	began     time.Time
	shown     *scraped
}

// follows notes that a scrape begins, and tells whether it is soon after the last
// one. Only then is it worth while to ask for revisions.
func (l *lastScrape) follows(began time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	soon := began.Sub(l.latest) < l.tick
	l.latest = began
	return soon
}

// of returns what to show again, or nil.
func (l *lastScrape) of(revisions []any, at domain.Instant, began time.Time) *scraped {
	l.mu.Lock()
	defer l.mu.Unlock()
	if revisions == nil || l.shown == nil || !slices.Equal(revisions, l.revisions) {
		return nil
	}
	apart := (time.Duration(at.UnixMS-l.shown.envelope.Clock.UnixMS) * time.Millisecond).Abs()
	if began.Sub(l.began) >= l.tick || apart >= l.tick || !at.Time().Equal(l.shown.envelope.GeneratedAt) {
		return nil
	}
	return l.shown
}

// keep remembers a scrape that went well. The revisions are from before it.
func (l *lastScrape) keep(revisions []any, began time.Time, shown *scraped) {
	for _, report := range shown.envelope.Sections {
		if report.Status != domain.StatusOK && report.Status != domain.StatusDisabled {
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revisions, l.began, l.shown = revisions, began, shown
}

// revisions asks the sections for what they depend on. It is nil if one of them
// does not know, or not soon: then they are collected.
func (s *Service) revisions(ctx context.Context) []any {
	if len(s.opts.Listers) > 0 {
		return nil // there may be others now
	}
	// Not much less: a timer that is due before all others wakes a thread when it is set.
	ctx, cancel := context.WithTimeout(ctx, s.opts.SectionTimeout/10)
	defer cancel()
	revisions, _ := isolate(ctx, &s.looking, func(ctx context.Context) ([]any, error) {
		revisions := make([]any, len(s.sections))
		for i, r := range s.sections {
			if r.disabled {
				continue
			}
			revision, known := revisionOf(ctx, r.section)
			if !known {
				return nil, nil
			}
			revisions[i] = revision
		}
		return revisions, nil
	})
	return revisions
}
