package app

import (
	"context"
	"fmt"
	"maps"
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
}

func newDynamic(opts Options, fixed []string) *dynamic {
	d := &dynamic{fixed: fixed, disabled: opts.Disabled, patience: opts.SectionTimeout / 4, guards: map[string]*guard{}}
	for _, source := range opts.Listers {
		d.sources = append(d.sources, &lister{SectionLister: source})
	}
	return d
}

// keys returns the keys of the sections that there are now.
func (d *dynamic) keys() []string {
	if len(d.sources) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.patience)
	defer cancel()
	var keys []string
	sections, _ := d.list(ctx)
	for _, s := range sections {
		keys = append(keys, s.key)
	}
	return keys
}

// run lists the sections and asks those that are wanted. What was refused is
// reported to those who want all.
func (d *dynamic) run(ctx context.Context, keys []string) []outcome {
	listing, cancel := withMargin(ctx)
	defer cancel()
	sections, refused := d.list(listing)
	if len(keys) > 0 {
		return runAll(ctx, wanted(sections, keys))
	}
	return append(runAll(ctx, sections), refused...)
}

// list returns the sections that there are now, and a report for each that may
// not be one and for each source that failed.
func (d *dynamic) list(ctx context.Context) (sections []*section, refused []outcome) {
	taken := map[string]bool{}
	for _, key := range d.fixed {
		taken[key] = true
	}
	for _, source := range d.sources {
		found, err := begin(ctx, &source.guard, func(ctx context.Context) ([]candidate, error) {
			return d.candidates(ctx, source)
		}).wait(ctx)
		if err != nil {
			refused = append(refused, refusal(source.Name(), err, len(found) > 0))
		}
		for _, c := range found {
			if c.err == nil && taken[c.section.key] {
				c.err = fmt.Errorf("add section %q: the key is taken: %w", c.section.key, domain.CodeKeyRefused)
			}
			if c.err != nil {
				refused = append(refused, refusal(c.origin, c.err, false))
				continue
			}
			taken[c.section.key] = true
			sections = append(sections, c.section)
		}
	}
	d.keepGuards(sections)
	return sections, refused
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
