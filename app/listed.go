package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// listed are the sections that come and go. Their sources are asked at each
// scrape for what there is now, as isolated as a section is.
type listed struct {
	sources  []*lister
	fixed    []string // keys that are taken
	disabled []string
	patience time.Duration // for a listing outside a scrape

	mu     sync.Mutex
	guards map[string]*guard // by key: a reading that hangs outlives its listing
}

type lister struct {
	ports.SectionLister

	guard guard
	mu    sync.Mutex
	known []string // the keys of the last complete listing, and those found since
}

// maxKnown bounds how many keys are remembered of a source that cannot be listed.
const maxKnown = 256

// remember keeps the keys that were listed. While a listing fails, it returns those
// that were there before and are not among them.
func (l *lister) remember(listed []string, err error) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || errors.Is(err, domain.CodeTooMany) {
		l.known = listed
		return nil
	}
	for _, key := range l.known {
		if !slices.Contains(listed, key) {
			missing = append(missing, key)
		}
	}
	all := slices.Concat(listed, missing)
	l.known = all[:min(len(all), maxKnown)]
	return missing
}

func newListed(opts Options, fixed []string) *listed {
	l := &listed{fixed: fixed, disabled: opts.Disabled, patience: opts.SectionTimeout / 4, guards: map[string]*guard{}}
	for _, source := range opts.Listers {
		l.sources = append(l.sources, &lister{SectionLister: source})
	}
	return l
}

// keys returns the keys of the sections that there are now, and of those that there
// were while their source could be listed.
func (l *listed) keys() []string {
	if len(l.sources) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.patience)
	defer cancel()
	var keys []string
	found := l.list(ctx)
	for _, r := range found.sections {
		keys = append(keys, r.key)
	}
	for _, missing := range found.missing {
		keys = append(keys, missing.key)
	}
	return keys
}

// run lists the sections and asks those that are wanted. What was refused is
// reported to those who want all. Who wants a section that cannot be listed now, and
// was there before, is told why.
func (l *listed) run(ctx context.Context, keys []string) []outcome {
	if len(l.sources) == 0 {
		return nil
	}
	inTime, cancel := withMargin(ctx)
	defer cancel()
	found := l.list(inTime)
	outcomes := runAll(ctx, wanted(found.sections, keys))
	if len(keys) == 0 {
		return append(outcomes, found.refused...)
	}
	for _, missing := range found.missing {
		if slices.Contains(keys, missing.key) {
			outcomes = append(outcomes, missing)
		}
	}
	return outcomes
}

// listing is what the sources have now.
type listing struct {
	sections []*section
	missing  []outcome // of the sections that there were before, of sources that failed
	refused  []outcome // of what may not be a section, and of sources that failed
}

// list asks the sources for the sections that there are now, all at once: one that
// hangs costs the others no time.
func (l *listed) list(ctx context.Context) (all listing) {
	taken := map[string]bool{}
	recorded, _ := ports.RecordedOf(ctx)
	for _, key := range l.fixed {
		taken[key] = !slices.Contains(recorded.Played, key)
	}
	calls := make([]*call[[]candidate], len(l.sources))
	for i, source := range l.sources {
		calls[i] = begin(ctx, &source.guard, func(ctx context.Context) ([]candidate, error) {
			ctx, cancel := withMargin(ctx) // so that what was found by then still finds who waits for it
			defer cancel()
			return l.candidates(ctx, source)
		})
	}
	for i, source := range l.sources {
		found, err := calls[i].wait(ctx)
		if err != nil {
			all.refused = append(all.refused, refusal(source.Name(), err, len(found) > 0))
		}
		var keys []string
		for _, c := range found {
			if c.err == nil && taken[c.section.key] {
				c.err = fmt.Errorf("add section %q: the key is taken: %w", c.section.key, domain.CodeKeyRefused)
			}
			if c.err != nil {
				all.refused = append(all.refused, refusal(c.origin, c.err, false))
				continue
			}
			taken[c.section.key] = true
			keys = append(keys, c.section.key)
			all.sections = append(all.sections, c.section)
		}
		for _, key := range source.remember(keys, err) {
			missing := outcome{key: key, value: json.RawMessage("null"), report: domain.SectionReport{Status: domain.StatusDisabled}}
			if !slices.Contains(l.disabled, key) {
				missing.fail(err)
			}
			all.missing = append(all.missing, missing)
		}
	}
	all.missing = slices.DeleteFunc(all.missing, func(o outcome) bool { return taken[o.key] })
	l.lend(all.sections)
	return all
}

// candidate is a section that was found, or why it cannot be one.
type candidate struct {
	section *section
	origin  string
	err     error
}

func (l *listed) candidates(ctx context.Context, source *lister) ([]candidate, error) {
	found, err := source.Sections(ctx)
	candidates := make([]candidate, len(found))
	for i, one := range found {
		c := candidate{origin: one.Origin}
		if c.section, c.err = newSection(one.Section, l.disabled); c.err != nil {
			c.err = fmt.Errorf("%w: %w", domain.CodeKeyRefused, c.err)
		} else {
			c.section.cache = nil // it would begin anew with each listing
		}
		candidates[i] = c
	}
	return candidates, err
}

// lend gives each section the guard that its key had before, so that a reading
// that hangs is not begun again. Guards of keys that are gone are dropped once
// nothing hangs.
func (l *listed) lend(sections []*section) {
	l.mu.Lock()
	defer l.mu.Unlock()
	present := make(map[string]bool, len(sections))
	for _, r := range sections {
		present[r.key] = true
		if kept, ok := l.guards[r.key]; ok {
			r.guard = kept
		} else {
			l.guards[r.key] = r.guard
		}
	}
	maps.DeleteFunc(l.guards, func(key string, g *guard) bool { return !present[key] && g.idle() })
}

// refusal is the report of what is no section. Its name never hides a section's.
func refusal(name string, err error, part bool) outcome {
	if name == "" || domain.WellFormed(name) {
		name = "?" + name
	}
	o := outcome{key: name, refused: true}
	o.fail(err)
	if part {
		o.report.Status = domain.StatusDegraded
	}
	return o
}
