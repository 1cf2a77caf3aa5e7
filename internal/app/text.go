package app

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

var errNoExposition = errors.New("write the snapshot as text: the service has no exposition")

var _ ports.TextWriter = (*Service)(nil)

// Text implements ports.TextWriter. The time for the sections' metrics is what is left
// of that of the scrape, and at least a tenth, so that a section that hung costs the
// others none of theirs.
func (s *Service) Text(ctx context.Context, envelope domain.Envelope, format ports.TextFormat, took time.Duration) ([]byte, error) {
	if s.opts.Exposition == nil {
		return nil, errNoExposition
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.opts.SectionTimeout-took, s.opts.SectionTimeout/10))
	defer cancel()
	measurements := s.measure(ctx, envelope)
	text, refused, err := s.opts.Exposition.Expose(envelope, measurements, format)
	for _, m := range measurements {
		o := outcome{report: domain.SectionReport{Status: domain.StatusOK}}
		if cause := refused[m.Key]; cause != nil {
			o.fail(cause)
		}
		s.changes.note(m.Key+" (metrics)", o)
	}
	return text, err //nolint:wrapcheck // says what it could not do
}

// measure asks each section that was read, and has metrics of its own, for them:
// all at once, and each as isolated as its collection was.
func (s *Service) measure(ctx context.Context, envelope domain.Envelope) []ports.Measurement {
	var measurements []ports.Measurement
	var calls []*call[[]ports.Metric]
	for _, section := range s.sections {
		measured, ok := section.source.(ports.Measured)
		value, read := valueOf(envelope, section.key)
		if !ok || !read {
			continue
		}
		measurements = append(measurements, ports.Measurement{Key: section.key})
		calls = append(calls, begin(ctx, &section.metrics, func(ctx context.Context) ([]ports.Metric, error) {
			return measured.Metrics(ctx, value)
		}))
	}
	for i, c := range calls {
		measurements[i].Metrics, measurements[i].Err = c.wait(ctx)
	}
	return measurements
}

// valueOf returns the value of a section beside the core, if it was read.
func valueOf(envelope domain.Envelope, key string) (json.RawMessage, bool) {
	status := envelope.Sections[key].Status
	if status != domain.StatusOK && status != domain.StatusDegraded {
		return nil, false
	}
	for _, extension := range envelope.Extensions {
		if extension.Key == key {
			return extension.Value, true
		}
	}
	return nil, false
}
