package exposition

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Kind is how a family's values are to be read.
type Kind string

// The kinds of families. The last two are gauges for the encoders, which know no
// others.
const (
	Gauge   Kind = "gauge"
	Counter Kind = "counter"
	// StateSet has one series for each state it could be in: 1 for the one that it
	// is in, 0 for the others.
	StateSet Kind = "state set"
	// Info is always 1: what it says is in its labels.
	Info Kind = "info"
)

// Family describes one metric: docs/metrics.md is made of it.
type Family struct {
	Name string
	Help string
	Kind Kind
	// Unit is the base unit, with which the name ends; empty for a number of things.
	Unit   string
	Labels []string
	// From is the field of the envelope, if it is of one, Absent when it has no series.
	From, Absent string

	collect func(e *answer, s *series)
}

// answer is what one text is made of.
type answer struct {
	domain.Envelope

	measurements []ports.Measurement
	refused      map[string]error // measurements that cannot be shown, by key
}

// maxLabel is where the value of a label is cut, in bytes.
const maxLabel = 128

// omissions counts, by reason, the series that an answer leaves out so that a
// reader accepts the rest.
type omissions map[string]int

const (
	omittedDuplicate = "duplicate" // another one has the same labels
	omittedLimit     = "limit"     // there were too many
)

// series collects the series of one family.
type series struct {
	family  *dto.MetricFamily
	names   []*string
	counter bool
	seen    map[string]struct{}
	omitted omissions
}

func newSeries(f *Family, omitted omissions) *series {
	s := &series{
		family:  &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: dto.MetricType_GAUGE.Enum()},
		seen:    map[string]struct{}{},
		omitted: omitted,
		counter: f.Kind == Counter,
	}
	if s.counter {
		s.family.Type = dto.MetricType_COUNTER.Enum()
	}
	if f.Unit != "" {
		s.family.Unit = &f.Unit
	}
	for i := range f.Labels {
		s.names = append(s.names, &f.Labels[i])
	}
	return s
}

// add adds a series with the values of its labels, in their order. An empty value
// is the same to Prometheus as no such label. A value that is not finite is
// unknown, as in JSON. Of two series with the same labels the first counts: with
// both, a reader would refuse all of the answer.
func (s *series) add(value float64, labels ...string) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	for i := range labels {
		labels[i] = clean(labels[i])
	}
	key := strings.Join(labels, "\xff") // no valid text has this byte
	if _, twice := s.seen[key]; twice {
		s.omitted[omittedDuplicate]++
		return
	}
	s.seen[key] = struct{}{}
	metric := &dto.Metric{}
	for i, value := range labels {
		if value != "" {
			metric.Label = append(metric.Label, &dto.LabelPair{Name: s.names[i], Value: &value})
		}
	}
	if s.counter {
		metric.Counter = &dto.Counter{Value: &value}
	} else {
		metric.Gauge = &dto.Gauge{Value: &value}
	}
	s.family.Metric = append(s.family.Metric, metric)
}

// addState adds the series of a state set. A state that is not one of the known is
// one more series. The state is the last label.
func addState[T ~string](s *series, state T, known []T, labels ...string) {
	is := map[bool]float64{true: 1}
	found := false
	for _, other := range known {
		found = found || other == state
		s.add(is[other == state], append(slices.Clip(labels), string(other))...)
	}
	if !found && state != "" {
		s.add(1, append(slices.Clip(labels), string(state))...)
	}
}

// ifKnown adds a series unless the value is unknown.
func (s *series) ifKnown(value *int64, labels ...string) {
	if value != nil {
		s.add(float64(*value), labels...)
	}
}

// clean makes any text one that every reader takes as the value of a label: valid
// UTF-8, on one line, and not too long.
func clean(text string) string {
	plain := func(r rune) bool { return r != utf8.RuneError && !unicode.IsControl(r) }
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) >= 0 {
		text = strings.Map(func(r rune) rune {
			if plain(r) {
				return r
			}
			return utf8.RuneError
		}, text)
	}
	if len(text) <= maxLabel {
		return text
	}
	end := maxLabel - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func optionalID(n *int64) string {
	if n == nil {
		return ""
	}
	return id(*n)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// unix is a moment in seconds since 1970.
func unix(at time.Time) float64 {
	return float64(at.Unix()) + float64(at.Nanosecond())/float64(time.Second)
}

// seconds turns clock ticks into seconds; false without a tick's length.
func seconds(ticks, clkTck *int64) (float64, bool) {
	if ticks == nil || clkTck == nil || *clkTck <= 0 {
		return 0, false
	}
	return float64(*ticks) / float64(*clkTck), true
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// failed tells whether nothing is known of a section.
func failed(status domain.Status) bool {
	return status == domain.StatusFailed || status == domain.StatusTimeout
}
