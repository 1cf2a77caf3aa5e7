package ports

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TextFormat is one of the text formats that Prometheus and others scrape, as the
// Content-Type that names it.
type TextFormat string

const (
	// PrometheusText is the format that every reader knows.
	PrometheusText TextFormat = "text/plain; version=0.0.4; charset=utf-8"
	// OpenMetricsText is its standardised successor.
	OpenMetricsText TextFormat = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// TextWriter writes snapshots as text for Prometheus.
type TextWriter interface {
	// Text returns the text of an envelope that Snapshot returned, with the metrics of
	// the sections that have some. took is how long the snapshot took, which is counted
	// against the time for these.
	Text(ctx context.Context, envelope domain.Envelope, format TextFormat, took time.Duration) ([]byte, error)
}

// Exposition writes envelopes as text for Prometheus.
type Exposition interface {
	// Expose returns the text of an envelope and of the metrics of its sections. A
	// section's metrics that cannot be shown are left out, all of that section, and
	// refused says why, by the section's key.
	Expose(envelope domain.Envelope, sections []Measurement, format TextFormat) (text []byte, refused map[string]error, err error)
}

// Measured is a section that has metrics of its own for Prometheus, beside the
// value that JSON shows.
type Measured interface {
	// Metrics returns the metrics of a value that Collect returned, as the envelope
	// shows it. It is asked for a scrape by Prometheus only, and not if the section
	// failed. Whatever goes wrong here costs the section's metrics and nothing else:
	// neither its value nor anything of the other sections.
	Metrics(ctx context.Context, value json.RawMessage) ([]Metric, error)
}

// MetricType says how the values of a metric behave.
type MetricType string

const (
	// Gauge is a value that goes up and down.
	Gauge MetricType = "gauge"
	// Counter is a sum that never falls, unless it begins again at 0.
	Counter MetricType = "counter"
)

// Metric is one metric of a section and its values at one moment.
type Metric struct {
	// Name is what follows orchestrator_ and the section's key: memory_bytes of the
	// section gpus becomes orchestrator_gpus_memory_bytes. Lower-case letters,
	// digits and underscores; base units (seconds, bytes); of a counter, and of a
	// counter only, it ends in _total.
	Name string
	// Help is one sentence for people.
	Help string
	Type MetricType
	// Labels are the names of the labels, written as Name is. What takes values
	// without bound, such as a text that users write, is no label.
	Labels []string
	// Points are the values. What is unknown has no point, and never the value 0.
	Points []Point
}

// Point is one value of a metric. No two points of a metric have the same labels.
type Point struct {
	// Labels are the values of the metric's labels, in their order.
	Labels []string
	Value  float64
}

// Measurement is what came of asking a section for its metrics.
type Measurement struct {
	Key     string
	Metrics []Metric
	// Err says why there are none.
	Err error
}
