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

// list asks the sources for the sections that there are now, all at once: one that hangs
// costs the others no time. Behind them come those that were refused, the sources that
// fail, and those that are missing: there before, and of sources that fail now.
func (s *Service) list(ctx context.Context) (sections []*section) {
	ctx, cancel := withMargin(ctx)
	defer cancel()
	calls := make([]*call[[]*section], len(s.listers))
	for i, source := range s.listers {
		calls[i] = begin(ctx, &source.guard, "sections", func(ctx context.Context) ([]*section, error) {
			ctx, cancel := withMargin(ctx) // so that what was found by then still finds who waits for it
			defer cancel()
			return s.found(ctx, source)
		})
	}
	taken := slices.Clone(s.fixed)
	var refused, missing []*section
	for i, source := range s.listers {
		found, err := calls[i].wait(ctx)
		if err != nil {
			refused = append(refused, refusal(source.Name(), err, len(found) > 0))
		}
		first := len(taken)
		for _, one := range found {
			switch {
			case one.given != nil && one.given.refused:
				refused = append(refused, one)
			case slices.Contains(taken, one.key):
				fault := fmt.Errorf("add section %q: the key is taken: %w", one.key, domain.CodeKeyRefused)
				refused = append(refused, refusal(one.origin, fault, false))
			default:
				taken = append(taken, one.key)
				sections = append(sections, one)
			}
		}
		for _, key := range source.remember(slices.Clone(taken[first:]), err) {
			o := outcome{key: key, value: json.RawMessage("null"), report: domain.SectionReport{Status: domain.StatusDisabled}}
			if !slices.Contains(s.opts.Disabled, key) {
				o.fail(err)
			}
			missing = append(missing, &section{key: key, missing: true, given: &o})
		}
	}
	missing = slices.DeleteFunc(missing, func(one *section) bool { return slices.Contains(taken, one.key) })
	return slices.Concat(sections, refused, missing)
}

// found returns the sections of a source, with a refusal in the place of what is none.
func (s *Service) found(ctx context.Context, source ports.SectionLister) ([]*section, error) {
	listed, err := source.Sections(ctx)
	sections := make([]*section, len(listed))
	for i, one := range listed {
		added, fault := s.newSection(one.Section)
		if fault != nil {
			sections[i] = refusal(one.Origin, fmt.Errorf("%w: %w", domain.CodeKeyRefused, fault), false)
			continue
		}
		added.origin, added.cache = one.Origin, nil // a cache would begin anew with each listing
		sections[i] = added
	}
	return sections, err
}

// refusal stands for what is no section, or for a source that failed, wholly or in part.
// Its name never hides a section's.
func refusal(name string, fault error, part bool) *section {
	if name == "" || domain.WellFormed(name) {
		name = "?" + name
	}
	o := outcome{key: name, refused: true}
	o.fail(fault)
	if part {
		o.report.Status = domain.StatusDegraded
	}
	return &section{key: name, given: &o}
}
