package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
)

func TestRoutes(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	paths := map[string]bool{
		"/metrics": true, "/livez": true, "/readyz": true, "/metrics?section=queue": true,
		"/": false, "/nothing": false, "/metrics/": false, "/Metrics": false, "/metrics/queue": false, "//metrics": false,
		"/livez/../metrics": false, "/metrics%00": false, "/%2e%2e/metrics": false, "/..": false, "/metrics;x": false,
		"/" + strings.Repeat("a", 20000): false, "/" + strings.Repeat("../", 1000) + "etc/passwd": false,
	}
	for path, exists := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
			answer := ask(handler, method, path)
			name := method + " " + path[:min(len(path), 40)]
			read := method == "GET" || method == "HEAD"
			want := http.StatusNotFound
			if exists {
				want = http.StatusMethodNotAllowed
			}
			if exists && read {
				want = http.StatusOK
			}
			assert.Equal(t, want, answer.Code, name)

			header := answer.Header()
			assert.Equal(t, []string{"application/json; charset=utf-8"}, header["Content-Type"], name)
			assert.Equal(t, []string{"no-store"}, header["Cache-Control"], name)
			assert.Equal(t, []string{"nosniff"}, header["X-Content-Type-Options"], name)
			for key := range header {
				assert.NotContains(t, key, "Access-Control", name)
			}
			if want == http.StatusMethodNotAllowed {
				assert.Equal(t, "GET, HEAD", header.Get("Allow"), name)
			} else {
				assert.Empty(t, header.Get("Allow"), name)
			}
			assert.True(t, json.Valid(answer.Body.Bytes()), name)
			assert.Less(t, answer.Body.Len(), 2000, name)
			switch want {
			case http.StatusNotFound:
				code, _ := failureOf(t, answer.Body.Bytes())
				assert.Equal(t, "not_found", code, name)
			case http.StatusMethodNotAllowed:
				code, _ := failureOf(t, answer.Body.Bytes())
				assert.Equal(t, "method_not_allowed", code, name)
			}
		}
	}
}

// HEAD is GET without a body.
func TestHead(t *testing.T) {
	server := serve(t, newHandler(t, snapshots{envelope: busy()}))
	for _, target := range []string{
		"/metrics", "/metrics?section=queue", "/metrics?section=x", "/livez", "/readyz", "/readyz?verbose", "/nothing",
	} {
		status, body := server.get(t, target)
		response, err := server.client.Head(server.url(target))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, status, response.StatusCode, target)
		assert.Equal(t, strconv.Itoa(len(body)), response.Header.Get("Content-Length"), target)
	}
}

func TestMetrics(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	whole, err := json.Marshal(busy())
	require.NoError(t, err)
	assert.Equal(t, string(whole), ask(handler, "GET", "/metrics").Body.String())
	assert.Equal(t, string(whole), ask(handler, "GET", "/metrics?x=1&y").Body.String(), "other parameters say nothing")

	cases := map[string][]string{
		"?section=queue":                                            {"queue"},
		"?section=queue&section=stages":                             {"queue", "stages"},
		"?section=queue&section=queue&section=queue":                {"queue"},
		"?section=%71ueue&x=2":                                      {"queue"},
		"?section=stages&section=queue&section=agents&section=cost": {"stages", "queue", "agents", "cost"},
	}
	for query, keys := range cases {
		answer := ask(handler, "GET", "/metrics"+query)
		require.Equal(t, http.StatusOK, answer.Code, query)
		var envelope domain.Envelope
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &envelope))
		var got []string
		for key := range envelope.Sections {
			got = append(got, key)
		}
		assert.ElementsMatch(t, keys, got, query)
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	handler := newHandler(t, snapshots{envelope: busy()})
	cases := map[string]struct{ query, code string }{
		"unknown":             {"section=nonsense", "unknown_section"},
		"unknown beside one":  {"section=queue&section=nonsense", "unknown_section"},
		"empty":               {"section=", "unknown_section"},
		"without a value":     {"section", "unknown_section"},
		"in another case":     {"section=Queue", "unknown_section"},
		"two in one":          {"section=queue,stages", "unknown_section"},
		"very long":           {"section=" + strings.Repeat("q", 20000), "unknown_section"},
		"very long, no UTF-8": {"section=" + strings.Repeat("%ff", 5000), "unknown_section"},
		"very long, half":     {"section=" + strings.Repeat("%80", 5000), "unknown_section"},
		"markup":              {"section=<script>", "unknown_section"},
		"a NUL":               {"section=%00", "unknown_section"},
		"bad escape":          {"section=%zz", "malformed_query"},
		"cut escape":          {"x=%", "malformed_query"},
		"a semicolon":         {"section=queue;section=stages", "malformed_query"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			answer := ask(handler, "GET", "/metrics?"+c.query)
			assert.Equal(t, http.StatusBadRequest, answer.Code)
			assert.Less(t, answer.Body.Len(), 1500, "bounded, whatever was sent")
			assert.NotContains(t, answer.Body.String(), "<")
			code, message := failureOf(t, answer.Body.Bytes())
			assert.Equal(t, c.code, code)
			if code == "unknown_section" {
				assert.Contains(t, message, "stages, queue, agents, cost", "what there is")
			}
		})
	}
	_, message := failureOf(t, ask(handler, "GET", "/metrics?section=queue&section="+url.QueryEscape(`a"b`)).Body.Bytes())
	assert.Equal(t, `unknown section "a\"b"; there are stages, queue, agents, cost`, message)
	_, message = failureOf(t, ask(handler, "GET", "/metrics?section=queue&section=stage").Body.Bytes())
	assert.Equal(t, `unknown section "stage"; there are stages, queue, agents, cost; did you mean stages?`, message)
}

func TestLivezAsksNobody(t *testing.T) {
	handler := newHandler(t, mocks.NewSnapshotter(t)) // expects no call
	answer := ask(handler, "GET", "/livez")
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.JSONEq(t, `{"status":"ok"}`, answer.Body.String())
}

func TestReadyz(t *testing.T) {
	report := func(status domain.Status, code domain.Code) domain.SectionReport {
		return domain.SectionReport{Status: status, Code: &code}
	}
	cases := map[string]struct {
		queue, cost domain.SectionReport
		status      int
		verbose     string
	}{
		"all is well": {
			domain.SectionReport{Status: domain.StatusOK},
			domain.SectionReport{Status: domain.StatusOK},
			http.StatusOK,
			"[+] stages ok\n[+] queue ok\n[+] agents ok\n[+] cost ok\nready\n",
		},
		"part is missing, one is off": {
			report(domain.StatusDegraded, domain.CodeWorkerStateMissing),
			domain.SectionReport{Status: domain.StatusDisabled},
			http.StatusOK,
			"[+] stages ok\n[+] queue degraded (worker_state_missing)\n[+] agents ok\n[+] cost disabled\nready\n",
		},
		"one failed": {
			report(domain.StatusFailed, domain.CodeDBMissing),
			domain.SectionReport{Status: domain.StatusOK},
			http.StatusServiceUnavailable,
			"[+] stages ok\n[-] queue failed (db_missing)\n[+] agents ok\n[+] cost ok\nnot ready\n",
		},
		"one is late": {
			domain.SectionReport{Status: domain.StatusOK},
			report(domain.StatusTimeout, domain.CodeStuck), http.StatusServiceUnavailable,
			"[+] stages ok\n[+] queue ok\n[+] agents ok\n[-] cost timeout (stuck)\nnot ready\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			envelope := busy()
			envelope.Sections["queue"], envelope.Sections["cost"] = c.queue, c.cost
			handler := newHandler(t, snapshots{envelope: envelope})
			answer := ask(handler, "GET", "/readyz")
			assert.Equal(t, c.status, answer.Code)
			var got struct {
				Ready    bool
				Sections map[string]struct {
					Ready  bool
					Status domain.Status
					Code   *domain.Code
				}
			}
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &got))
			assert.Equal(t, c.status == http.StatusOK, got.Ready)
			assert.Equal(t, c.queue.Status, got.Sections["queue"].Status)
			assert.Equal(t, c.queue.Code, got.Sections["queue"].Code)
			assert.Equal(t, c.cost.Status != domain.StatusTimeout, got.Sections["cost"].Ready)

			verbose := ask(handler, "GET", "/readyz?verbose")
			assert.Equal(t, c.status, verbose.Code)
			assert.Equal(t, "text/plain; charset=utf-8", verbose.Header().Get("Content-Type"))
			assert.Equal(t, "no-store", verbose.Header().Get("Cache-Control"))
			assert.Equal(t, "nosniff", verbose.Header().Get("X-Content-Type-Options"))
			assert.Equal(t, c.verbose, verbose.Body.String())
		})
	}
}

// With the kill switch off there is nothing that could not be read.
func TestKillSwitchOff(t *testing.T) {
	off := mocks.NewSnapshotter(t)
	off.EXPECT().Snapshot(anything).Return(domain.Envelope{SchemaVersion: 1, Disabled: true}, nil)
	handler := newHandler(t, off)
	metrics := ask(handler, "GET", "/metrics")
	assert.Equal(t, http.StatusOK, metrics.Code)
	assert.Equal(t, `{"schema_version":1,"enabled":false}`, metrics.Body.String())
	ready := ask(handler, "GET", "/readyz")
	assert.Equal(t, http.StatusOK, ready.Code)
	assert.JSONEq(t, `{"ready":true,"sections":{}}`, ready.Body.String())
}
