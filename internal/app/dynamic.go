package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// lister is a source of sections that come and go. It is asked at each scrape for what
// there is now, as isolated as a section is.
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
	missing = slices.DeleteFunc(slices.Clone(l.known), func(key string) bool { return slices.Contains(listed, key) })
	all := slices.Concat(listed, missing)
	l.known = all[:min(len(all), maxKnown)]
	return missing
}

// runListed lists the sections that come and go, and asks those that are wanted. What was
// refused is reported to those who want all. Who wants a section that is missing is told
// why.
func (s *Service) runListed(ctx context.Context, keys []string) []outcome {
	sections, refused := s.list(ctx)
	sections = slices.DeleteFunc(sections, func(one *section) bool {
		return len(keys) == 0 && one.missing != nil || len(keys) > 0 && !slices.Contains(keys, one.key)
	})
	outcomes := runAll(ctx, sections)
	if len(keys) == 0 {
		outcomes = append(outcomes, refused...)
	}
	return outcomes
}

// list asks the sources for the sections that there are now, all at once: one that hangs
// costs the others no time. Last come those that are missing: there before, and of sources
// that fail now. refused are reports of what may not be a section, and of these sources.
func (s *Service) list(ctx context.Context) (sections []*section, refused []outcome) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	calls := make([]*call[[]candidate], len(s.listers))
	for i, source := range s.listers {
		calls[i] = begin(ctx, &source.guard, "sections", func(ctx context.Context) ([]candidate, error) {
			ctx, cancel := withMargin(ctx) // so that what was found by then still finds who waits for it
			defer cancel()
			return s.candidates(ctx, source)
		})
	}
	taken := slices.Clone(s.fixed)
	var missing []*section
	for i, source := range s.listers {
		found, err := calls[i].wait(ctx)
		if err != nil {
			refused = append(refused, refusal(source.Name(), err, len(found) > 0))
		}
		first := len(taken)
		for _, c := range found {
			if c.err == nil && slices.Contains(taken, c.section.key) {
				c.err = fmt.Errorf("add section %q: the key is taken: %w", c.section.key, domain.CodeKeyRefused)
			}
			if c.err != nil {
				refused = append(refused, refusal(c.origin, c.err, false))
				continue
			}
			taken = append(taken, c.section.key)
			sections = append(sections, c.section)
		}
		for _, key := range source.remember(slices.Clone(taken[first:]), err) {
			missing = append(missing, &section{
				key: key, fallback: json.RawMessage("null"), disabled: slices.Contains(s.opts.Disabled, key), missing: err,
			})
		}
	}
	missing = slices.DeleteFunc(missing, func(one *section) bool { return slices.Contains(taken, one.key) })
	return append(sections, missing...), refused
}

// candidate is a section that was found, or why it cannot be one.
type candidate struct {
	section *section
	origin  string
	err     error
}

func (s *Service) candidates(ctx context.Context, source ports.SectionLister) ([]candidate, error) {
	found, err := source.Sections(ctx)
	candidates := make([]candidate, len(found))
	for i, one := range found {
		c := candidate{origin: one.Origin}
		if c.section, c.err = s.newSection(one.Section); c.err != nil {
			c.err = fmt.Errorf("%w: %w", domain.CodeKeyRefused, c.err)
		} else {
			c.section.cache = nil // it would begin anew with each listing
		}
		candidates[i] = c
	}
	return candidates, err
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
