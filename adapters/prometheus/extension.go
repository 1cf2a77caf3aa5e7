package exposition

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/orchmetrics/orchmetrics/ports"
)

// maxPoints is how many values the metrics of one section may have in all.
const maxPoints = 10_000

var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// metricsUp says whose metrics are missing.
func metricsUp() Family {
	return Family{
		Name: "orchmetrics_section_metrics_up", Kind: Gauge, Labels: []string{"section"},
		Help:   "1 if the section's own metrics are shown, 0 if they could not be; the log says why.",
		Absent: "the section has no metrics of its own, failed, or was not asked",
		collect: func(e *answer, s *series) {
			for _, m := range e.measurements {
				s.add(truth(e.refused[m.Key] == nil), m.Key)
			}
		},
	}
}

// omittedSeries tells that an answer is not all there is.
func omittedSeries() Family {
	return Family{
		Name: "orchmetrics_omitted_series", Kind: Gauge, Labels: []string{"reason"},
		Help:   "Series that this answer leaves out, so that a reader accepts the rest.",
		Absent: "never",
		collect: func(_ *answer, s *series) {
			s.add(float64(s.omitted[omittedDuplicate]), omittedDuplicate)
			s.add(float64(s.omitted[omittedLimit]), omittedLimit)
		},
	}
}

// check returns the families of the sections whose metrics can be shown, and says
// of each other section why not. One bad metric costs all of its section: half of
// them would be a puzzle.
func (x *Exposition) check(measurements []ports.Measurement) ([]*dto.MetricFamily, map[string]error) {
	taken := map[string]bool{}
	for i := range x.families {
		taken[x.families[i].Name] = true
	}
	refused := map[string]error{}
	var accepted []*dto.MetricFamily
	for _, m := range measurements {
		families, err := convert(m, taken)
		if err != nil {
			refused[m.Key] = fmt.Errorf("show the metrics of section %q: %w", m.Key, err)
			continue
		}
		for _, f := range families {
			taken[f.GetName()] = true
		}
		accepted = append(accepted, families...)
	}
	return accepted, refused
}

func convert(m ports.Measurement, taken map[string]bool) ([]*dto.MetricFamily, error) {
	if m.Err != nil {
		return nil, m.Err
	}
	var families []*dto.MetricFamily
	names, points := map[string]bool{}, 0
	for _, metric := range m.Metrics {
		f := Family{
			Name: "orchestrator_" + m.Key + "_" + metric.Name, Help: metric.Help, Kind: Kind(metric.Type), Labels: metric.Labels,
		}
		if taken[f.Name] || names[f.Name] {
			return nil, fmt.Errorf("metric %s: the name is used twice", f.Name)
		}
		names[f.Name] = true
		if points += len(metric.Points); points > maxPoints {
			return nil, fmt.Errorf("there are more than %d values", maxPoints)
		}
		family, err := f.of(metric)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", f.Name, err)
		}
		families = append(families, family)
	}
	return families, nil
}

// of returns the family with the metric's values, if all of it is as it must be.
func (f *Family) of(metric ports.Metric) (*dto.MetricFamily, error) {
	switch {
	case !wordPattern.MatchString(metric.Name):
		return nil, fmt.Errorf("the name %q is not made of lower-case letters, digits and underscores between them", metric.Name)
	case metric.Type != ports.Counter && metric.Type != ports.Gauge:
		return nil, fmt.Errorf("the type %q is neither gauge nor counter", metric.Type)
	case strings.HasSuffix(metric.Name, "_total") != (metric.Type == ports.Counter):
		return nil, errors.New("the name of a counter, and of nothing else, ends in _total")
	case metric.Help == "":
		return nil, errors.New("there is no help")
	}
	for i, label := range metric.Labels {
		if !wordPattern.MatchString(label) || slices.Contains(metric.Labels[:i], label) {
			return nil, fmt.Errorf("the label %q is malformed or used twice", label)
		}
	}
	s := newSeries(f, omissions{})
	for _, point := range metric.Points {
		switch {
		case len(point.Labels) != len(metric.Labels):
			return nil, fmt.Errorf("a value has %d labels instead of %d", len(point.Labels), len(metric.Labels))
		case math.IsNaN(point.Value) || math.IsInf(point.Value, 0):
			return nil, errors.New("a value is not finite; what is unknown has none")
		}
		s.add(point.Value, slices.Clone(point.Labels)...)
	}
	if s.omitted[omittedDuplicate] > 0 {
		return nil, errors.New("two values have the same labels")
	}
	return s.family, nil
}
