// Package exposition writes an envelope as text for Prometheus: in its own format
// or as OpenMetrics. docs/metrics.md, which is generated from the families here,
// has every metric.
package exposition

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Exposition implements ports.Exposition.
type Exposition struct {
	families []Family
}

var _ ports.Exposition = (*Exposition)(nil)

// New returns an exposition of all families.
func New() *Exposition { return &Exposition{families: Families()} }

// Families returns the description of every metric, in the order of an answer. Those
// that sections of other teams add are not among them.
func Families() []Family {
	return slices.Concat(
		[]Family{enabled()}, stages(), queue(), agents(), cost(), costByModel(), service(), []Family{metricsUp(), omittedSeries()},
	)
}

// Expose implements ports.Exposition. It writes family by family, so that the
// memory it needs is that of the text and of one family.
func (x *Exposition) Expose(
	envelope domain.Envelope, measurements []ports.Measurement, format ports.TextFormat,
) ([]byte, map[string]error, error) {
	w, err := newWriter(format)
	if err != nil {
		return nil, nil, err
	}
	families := x.families
	e := &answer{Envelope: envelope, measurements: measurements}
	if envelope.Disabled {
		families = []Family{enabled()}
	}
	const aStage, anAgent, others = 200, 1024, 16 << 10 // bytes, at a guess: growing would take as much again
	w.text.Grow(aStage*len(envelope.Stages) + anAgent*len(envelope.Agents) + others)
	accepted, refused := x.check(measurements)
	e.refused = refused
	for i := range families {
		w.write(&families[i], e)
	}
	for _, f := range accepted {
		w.encodeFamily(f)
	}
	return w.end(), refused, w.err
}

// writer encodes families.
type writer struct {
	text    bytes.Buffer
	encode  func(io.Writer, *dto.MetricFamily) (int, error)
	finish  func(io.Writer) (int, error)
	omitted omissions
	err     error
}

func newWriter(format ports.TextFormat) (*writer, error) {
	w := &writer{omitted: omissions{omittedDuplicate: 0, omittedLimit: 0}}
	switch format {
	case ports.PrometheusText:
		w.encode, w.finish = expfmt.MetricFamilyToText, func(io.Writer) (int, error) { return 0, nil }
	case ports.OpenMetricsText:
		w.encode = func(out io.Writer, f *dto.MetricFamily) (int, error) { return expfmt.MetricFamilyToOpenMetrics(out, f) }
		w.finish = expfmt.FinalizeOpenMetrics
	default:
		return nil, fmt.Errorf("expose the snapshot: there is no format %q", format)
	}
	return w, nil
}

func (w *writer) write(f *Family, e *answer) {
	s := newSeries(f, w.omitted)
	f.collect(e, s)
	w.encodeFamily(s.family)
}

// encodeFamily leaves out a family without series.
func (w *writer) encodeFamily(f *dto.MetricFamily) {
	if w.err != nil || len(f.GetMetric()) == 0 {
		return
	}
	if _, err := w.encode(&w.text, f); err != nil {
		w.err = fmt.Errorf("encode metric %s: %w", f.GetName(), err)
	}
}

func (w *writer) end() []byte {
	if w.err == nil {
		_, w.err = w.finish(&w.text)
	}
	return w.text.Bytes()
}
