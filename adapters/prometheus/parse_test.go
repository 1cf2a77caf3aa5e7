package exposition_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	exposition "github.com/orchmetrics/orchmetrics/adapters/prometheus"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var formats = []ports.TextFormat{ports.PrometheusText, ports.OpenMetricsText}

// expose returns the text, and what of the sections was refused.
func expose(t require.TestingT, e domain.Envelope, format ports.TextFormat, sections ...ports.Measurement) (string, map[string]error) {
	text, refused, err := exposition.New().Expose(e, sections, format)
	require.NoError(t, err)
	return string(text), refused
}

// parsed is a text as the library's parser reads it: the value of each series, as
// name{label="value",…} with its labels by name. To the parser of Prometheus' own
// format OpenMetrics is that format, but for comments.
func parsed(t require.TestingT, text string) map[string]float64 {
	return parsedAs(t, text, ports.PrometheusText)
}

// parsedAs parses strictly, and OpenMetrics slowly.
func parsedAs(t require.TestingT, text string, format ports.TextFormat) map[string]float64 {
	found := map[string]float64{}
	decoder := expfmt.NewDecoder(bytes.NewReader([]byte(text)), expfmt.Format(format))
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err, text)
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			value := metric.GetGauge().GetValue() + metric.GetUntyped().GetValue()
			if family.GetType() == dto.MetricType_COUNTER {
				value = metric.GetCounter().GetValue()
				name = strings.TrimSuffix(name, "_total") + "_total" // OpenMetrics names the family without
			}
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			key := seriesName(name, labels)
			require.NotContains(t, found, key, "the same series twice")
			found[key] = value
		}
	}
}

// seriesName writes a series; a label without a value is none.
func seriesName(name string, labels map[string]string) string {
	var pairs []string
	for label, value := range labels {
		if value != "" {
			pairs = append(pairs, fmt.Sprintf("%s=%q", label, value))
		}
	}
	slices.Sort(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}
