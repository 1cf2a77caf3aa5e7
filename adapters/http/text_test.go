package httpapi_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// texts answers with the format and the sections that it was asked for.
type texts struct{}

func (texts) Text(_ context.Context, envelope domain.Envelope, format ports.TextFormat, _ time.Duration) ([]byte, error) {
	return []byte(strings.Join(append([]string{string(format)}, slices.Sorted(maps.Keys(envelope.Sections))...), " ")), nil
}

// longTexts answers with more than fits a packet.
type longTexts struct{}

func (longTexts) Text(context.Context, domain.Envelope, ports.TextFormat, time.Duration) ([]byte, error) {
	return []byte(strings.Repeat("orchestrator_up 1\n", 1000)), nil
}

func withText(t testing.TB) http.Handler {
	t.Helper()
	s := snapshots{envelope: busy()}
	return newHandler(t, s, httpapi.Text(texts{}))
}

const (
	envelopeType    = "application/json; charset=utf-8"
	textType        = string(ports.PrometheusText)
	openMetricsType = string(ports.OpenMetricsText)
)

// realClients are the Accept headers that programs send, word for word: those of
// the scrapers as the source code of that version has them.
var realClients = map[string]struct{ accept, answered string }{
	// scrape/scrape.go, scrapeAcceptHeader and scrapeAcceptHeaderWithProtobuf.
	"Prometheus 2.42": {
		"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		openMetricsType,
	},
	"Prometheus 2.42, native histograms": {
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8," +
			"application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		openMetricsType,
	},
	// scrape/scrape.go, acceptHeader, over config.DefaultScrapeProtocols.
	"Prometheus 3.0.0": {
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
		openMetricsType,
	},
	"Prometheus 3.16.0": {
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
		openMetricsType,
	},
	"Prometheus 3.16.0, scrape_protocols: [PrometheusText0.0.4]": {"text/plain;version=0.0.4;q=0.7,*/*;q=0.6", textType},
	"Prometheus 3.16.0, native histograms": {
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7," +
			"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		openMetricsType,
	},
	// receiver/prometheusreceiver scrapes with Prometheus' own package, here v0.315.1.
	"OpenTelemetry collector, prometheus receiver 0.165.0": {
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
			"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		openMetricsType,
	},
	// internal/component/prometheus/scrape does so too, with the scheme "underscores".
	"Grafana Alloy, commit 014ca2a": {
		"application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6," +
			"text/plain;version=1.0.0;escaping=underscores;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
		openMetricsType,
	},
	// plugins/inputs/prometheus/prometheus.go, acceptHeader.
	"Telegraf 1.37.2, inputs.prometheus": {
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
		textType,
	},
	// lib/promscrape/client.go.
	"VictoriaMetrics vmagent 1.154.1": {"text/plain;version=0.0.4;q=1,*/*;q=0.1", textType},
	// As each sent it to a listener of ours.
	"curl 7.88.1":            {"*/*", envelopeType},
	"Python requests 2.34.2": {"*/*", envelopeType},
	"Go 1.26 net/http":       {"", envelopeType}, // sends none
	"Chromium 156, a page": {
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
		envelopeType,
	},
	"Chromium 156, fetch()": {"*/*", envelopeType},
	// As their documentation has it.
	"Firefox, a page": {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", envelopeType},
	"Lynx, a page": {
		"text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01", envelopeType,
	},
	"axios 1": {"application/json, text/plain, */*", envelopeType},
}

// otherClients are what the rules say of anything else.
var otherClients = map[string]struct{ accept, answered string }{
	"text by name":                           {"text/plain", textType},
	"in capitals":                            {"Text/Plain", textType},
	"OpenMetrics by name":                    {"application/openmetrics-text", openMetricsType},
	"of both text formats the dearer":        {"text/plain;q=0.9, application/openmetrics-text;q=0.2", textType},
	"of equally dear ones OpenMetrics":       {"text/plain, application/openmetrics-text", openMetricsType},
	"a version that we do not write":         {"application/openmetrics-text;version=2.0.0", envelopeType},
	"an older version beside text":           {"application/openmetrics-text;version=0.0.1,text/plain;q=0.5,*/*;q=0.1", textType},
	"JSON by name":                           {"application/json", envelopeType},
	"JSON dearer than text":                  {"application/json, text/plain;q=0.9", envelopeType},
	"text dearer than JSON":                  {"application/json;q=0.8, text/plain;q=0.9", textType},
	"both as dear":                           {"text/plain, application/json", envelopeType},
	"anything dearer than text":              {"text/plain;q=0.5, */*", envelopeType},
	"text as dear as anything":               {"text/plain, */*", textType},
	"a range of applications dearer":         {"text/plain;q=0.5, application/*", envelopeType},
	"a range of applications counts first":   {"text/plain;q=0.5, application/*;q=0.1, */*;q=0.9", textType},
	"a range of texts names none":            {"text/*", envelopeType},
	"text that is refused":                   {"text/plain;q=0", envelopeType},
	"JSON that is refused":                   {"application/json;q=0, text/plain;q=0.1", textType},
	"nothing that we have":                   {"image/png", envelopeType},
	"protobuf alone":                         {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", envelopeType},
	"empty":                                  {" ", envelopeType},
	"nonsense":                               {";;,,/,q=,text/plain;q=x/y;,", envelopeType},
	"text that is not even worth its number": {"text/plain;q=NaN", envelopeType},
}

// TestNegotiation: who names a text format gets it, by weight; all others JSON.
func TestNegotiation(t *testing.T) {
	handler := withText(t)
	for _, clients := range []map[string]struct{ accept, answered string }{realClients, otherClients} {
		for name, client := range clients {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				answer := askFor(handler, method, "/metrics", client.accept)
				require.Equal(t, http.StatusOK, answer.Code, name)
				assert.Equal(t, client.answered, answer.Header().Get("Content-Type"), name)
				assert.Equal(t, "Accept, Accept-Encoding", answer.Header().Get("Vary"), name)
				assert.Equal(t, "no-store", answer.Header().Get("Cache-Control"), name)
				assert.Equal(t, strconv.Itoa(answer.Body.Len()), answer.Header().Get("Content-Length"), name)

				text := askFor(handler, method, "/metrics/prometheus", client.accept)
				require.Equal(t, http.StatusOK, text.Code, name)
				if client.answered == openMetricsType {
					assert.Equal(t, openMetricsType, text.Header().Get("Content-Type"), name)
				} else {
					assert.Equal(t, textType, text.Header().Get("Content-Type"), name)
				}
			}
		}
	}
}

func TestNegotiation_SeveralHeaders(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header["Accept"] = []string{"application/json;q=0.5", "text/plain"}
	recorder := httptest.NewRecorder()
	withText(t).ServeHTTP(recorder, request)
	assert.Equal(t, textType, recorder.Header().Get("Content-Type"))
}

// TestText_Narrowed: ?section= is the same for each form, and so is its refusal.
func TestText_Narrowed(t *testing.T) {
	handler := withText(t)
	answer := askFor(handler, http.MethodGet, "/metrics?section=queue&section=cost", "text/plain")
	assert.Equal(t, textType+" cost queue", answer.Body.String())
	for _, target := range []string{"/metrics", "/metrics/prometheus"} {
		answer := askFor(handler, http.MethodGet, target+"?section=disks", "text/plain")
		assert.Equal(t, http.StatusBadRequest, answer.Code)
		assert.Equal(t, envelopeType, answer.Header().Get("Content-Type"))
		code, _ := failureOf(t, answer.Body.Bytes())
		assert.Equal(t, "unknown_section", code)
	}
}

// TestText_IsAnOption: a handler without it has JSON alone.
func TestText_IsAnOption(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	answer := askFor(handler, http.MethodGet, "/metrics", "text/plain")
	assert.Equal(t, envelopeType, answer.Header().Get("Content-Type"))
	assert.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"))
	assert.Equal(t, http.StatusNotFound, askFor(handler, http.MethodGet, "/metrics/prometheus", "text/plain").Code)
}

// TestText_Fails: what goes wrong is told in JSON, without its cause.
func TestText_Fails(t *testing.T) {
	for name, fails := range map[string]func(){"an error": func() {}, "a panic": func() { panic("secret") }} {
		writer := mocks.NewTextWriter(t)
		writer.EXPECT().Text(mock.Anything, mock.Anything, mock.Anything, mock.Anything).RunAndReturn(
			func(context.Context, domain.Envelope, ports.TextFormat, time.Duration) ([]byte, error) {
				fails()
				return nil, errors.New("secret")
			})
		answer := askFor(newHandler(t, snapshots{envelope: busy()}, httpapi.Text(writer)), http.MethodGet, "/metrics", "text/plain")
		assert.Equal(t, http.StatusInternalServerError, answer.Code, name)
		assert.Equal(t, envelopeType, answer.Header().Get("Content-Type"), name)
		assert.NotContains(t, answer.Body.String(), "secret", name)
	}
}

func askFor(handler http.Handler, method, target, accept string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

// FuzzNegotiation: whatever a client accepts, it gets an answer, and text only if
// it names one.
func FuzzNegotiation(f *testing.F) {
	for _, client := range realClients {
		f.Add(client.accept)
	}
	for _, client := range otherClients {
		f.Add(client.accept)
	}
	handler := withText(f)
	f.Fuzz(func(t *testing.T, accept string) {
		answer := askFor(handler, http.MethodGet, "/metrics", accept)
		require.Equal(t, http.StatusOK, answer.Code)
		named := strings.ToLower(accept)
		switch answer.Header().Get("Content-Type") {
		case textType:
			assert.Contains(t, named, "plain")
		case openMetricsType:
			assert.Contains(t, named, "openmetrics-text")
		default:
			assert.Equal(t, envelopeType, answer.Header().Get("Content-Type"))
		}
	})
}

// BenchmarkNegotiation_JSON is what asking for JSON costs more than before: the
// common headers cost nothing.
func BenchmarkNegotiation_JSON(b *testing.B) {
	for name, handler := range map[string]http.Handler{"text too": withText(b), "JSON alone": newHandler(b, snapshots{envelope: busy()})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				askFor(handler, http.MethodGet, "/metrics", "application/json")
			}
		})
	}
}
