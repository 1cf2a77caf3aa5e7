package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

var _ ports.TextWriter = (*Service)(nil)

// Text implements ports.TextWriter. The time for the sections' metrics is what is left
// of that of the scrape, and at least a tenth, so that a section that hung costs the
// others none of theirs.
func (s *Service) Text(ctx context.Context, envelope domain.Envelope, format ports.TextFormat, took time.Duration) ([]byte, error) {
	if s.opts.Exposition == nil {
		return nil, errors.New("write the snapshot as text: the service has no exposition")
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.opts.SectionTimeout-took, s.opts.SectionTimeout/10))
	defer cancel()
	measurements := s.measure(ctx, envelope)
	text, refused, err := s.opts.Exposition.Expose(envelope, measurements, format)
	outcomes := make([]outcome, len(measurements))
	for i, m := range measurements {
		outcomes[i] = outcome{key: m.Key + metricsOf, report: domain.SectionReport{Status: domain.StatusOK}}
		if cause := refused[m.Key]; cause != nil {
			outcomes[i].fail(cause)
		}
	}
	s.changes.note(outcomes, envelope.Sections, false)
	return text, err //nolint:wrapcheck // says what it could not do
}

// metricsOf follows a section's key where its metrics are meant, and not its value.
const metricsOf = " (metrics)"

// measure asks each section that was read, and has metrics of its own, for them:
// all at once, and each as isolated as its collection was.
func (s *Service) measure(ctx context.Context, envelope domain.Envelope) []ports.Measurement {
	var measurements []ports.Measurement
	var calls []*call[[]ports.Metric]
	for _, section := range s.sections {
		measured, ok := section.source.(ports.Measured)
		status := envelope.Sections[section.key].Status
		i := slices.IndexFunc(envelope.Extensions, func(e domain.Extension) bool { return e.Key == section.key })
		if !ok || i < 0 || status != domain.StatusOK && status != domain.StatusDegraded {
			continue
		}
		measurements = append(measurements, ports.Measurement{Key: section.key})
		calls = append(calls, begin(ctx, &s.guard, section.key+metricsOf, func(ctx context.Context) ([]ports.Metric, error) {
			return measured.Metrics(ctx, envelope.Extensions[i].Value)
		}))
	}
	for i, c := range calls {
		measurements[i].Metrics, measurements[i].Err = c.wait(ctx)
	}
	return measurements
}
