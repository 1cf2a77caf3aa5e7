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

// dynamic are the sections that come and go. Their sources are asked at each
// scrape for what there is now, as isolated as a section is.
type dynamic struct {
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

func newDynamic(opts Options, fixed []string) *dynamic {
	d := &dynamic{fixed: fixed, disabled: opts.Disabled, patience: opts.SectionTimeout / 4, guards: map[string]*guard{}}
	for _, source := range opts.Listers {
		d.sources = append(d.sources, &lister{SectionLister: source})
	}
	return d
}

// keys returns the keys of the sections that there are now, and of those that there
// were while their source could be listed.
func (d *dynamic) keys() []string {
	if len(d.sources) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	var keys []string
	found := d.list(ctx)
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
func (d *dynamic) run(ctx context.Context, keys []string) []outcome {
	inTime, cancel := withMargin(ctx)
	defer cancel()
	found := d.list(inTime)
	if len(keys) == 0 {
		return append(runAll(ctx, found.sections), found.refused...)
	}
	outcomes := runAll(ctx, wanted(found.sections, keys))
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
func (d *dynamic) list(ctx context.Context) (all listing) {
	taken := map[string]bool{}
	for _, key := range d.fixed {
		taken[key] = true
	}
	calls := make([]*call[[]candidate], len(d.sources))
	for i, source := range d.sources {
		calls[i] = begin(ctx, &source.guard, func(ctx context.Context) ([]candidate, error) {
			ctx, cancel := withMargin(ctx) // so that what was found by then still finds who waits for it
			defer cancel()
			return d.candidates(ctx, source)
		})
	}
	for i, source := range d.sources {
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
			if !slices.Contains(d.disabled, key) {
				missing.fail(err)
			}
			all.missing = append(all.missing, missing)
		}
	}
	all.missing = slices.DeleteFunc(all.missing, func(o outcome) bool { return taken[o.key] })
	d.keepGuards(all.sections)
	return all
}

// candidate is a section that was found, or why it cannot be one.
type candidate struct {
	section *section
	origin  string
	err     error
}

func (d *dynamic) candidates(ctx context.Context, source *lister) ([]candidate, error) {
	found, err := source.Sections(ctx)
	candidates := make([]candidate, len(found))
	for i, one := range found {
		c := candidate{origin: one.Origin}
		if c.section, c.err = newSection(one.Section, d.disabled); c.err != nil {
			c.err = fmt.Errorf("%w: %w", domain.CodeKeyRefused, c.err)
		} else {
			c.section.cache = nil // it would begin anew with each listing
		}
		candidates[i] = c
	}
	return candidates, err
}

// keepGuards gives each section the guard that its key had before, so that a reading
// that hangs is not begun again. Guards of keys that are gone are dropped once
// nothing hangs.
func (d *dynamic) keepGuards(sections []*section) {
	d.mu.Lock()
	defer d.mu.Unlock()
	present := make(map[string]bool, len(sections))
	for _, s := range sections {
		present[s.key] = true
		if kept, ok := d.guards[s.key]; ok {
			s.guard = kept
		} else {
			d.guards[s.key] = s.guard
		}
	}
	maps.DeleteFunc(d.guards, func(key string, g *guard) bool { return !present[key] && g.idle() })
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
