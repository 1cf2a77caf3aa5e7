// Package app assembles the envelope: it asks every section at one instant,
// keeps the failure of one away from the others, and reports how each went.
package app

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
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
	asked    []*section // those that no recording answers
	dynamic  *dynamic
	instance domain.Instance
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
	s := &Service{
		opts:    opts,
		clock:   clock,
		views:   views,
		changes: newStatusLog(opts.Logger),
	}
	if err := s.add(sections); err != nil {
		return nil, err
	}
	for _, key := range opts.Disabled {
		mayCome := len(opts.Listers) > 0 && domain.WellFormed(key)
		if fixed := s.fixed(); !slices.Contains(fixed, key) && !mayCome {
			return nil, fmt.Errorf("disable section %q: %w; %s", key, ports.ErrUnknownSection, domain.Choices(fixed, key))
		}
	}
	s.dynamic = newDynamic(opts, s.fixed())
	if opts.Enabled {
		if cpu != nil {
			s.clkTck = cpu.ClockTicks()
		}
		s.instance = domain.Instance{ID: rand.Text(), StartedAt: clock.Now().Time(), Version: opts.Version}
	}
	return s, nil
}

func (s *Service) add(sections []ports.Section) error {
	seen := map[string]bool{}
	for _, source := range sections {
		added, err := newSection(source, s.opts.Disabled)
		if err != nil {
			return err
		}
		if seen[added.key] {
			return fmt.Errorf("add section %q: the key is used twice", added.key)
		}
		seen[added.key] = true
		s.sections = append(s.sections, added)
		if !slices.Contains(s.opts.Recorded, added.key) {
			s.asked = append(s.asked, added)
		}
	}
	return nil
}

// Keys implements ports.Snapshotter. Of the sections that come and go it has
// those that there are now.
func (s *Service) Keys() []string {
	if !s.opts.Enabled {
		return s.fixed()
	}
	return append(s.fixed(), s.dynamic.keys()...)
}

// fixed returns the keys of the sections that do not come and go.
func (s *Service) fixed() []string {
	keys := slices.Clone(s.opts.Recorded)
	for _, section := range s.asked {
		keys = append(keys, section.key)
	}
	return keys
}
