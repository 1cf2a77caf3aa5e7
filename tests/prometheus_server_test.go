package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// needTool skips a test that needs a program which is not there: either of those
// of Debian's package prometheus, which .ci/run unpacks.
func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt-get install prometheus)", name)
	}
	return path
}

// prometheus is a real Prometheus server that scrapes targets each second.
type prometheus struct {
	url    string
	client *http.Client
}

// startPrometheus starts a server on loopback that scrapes the URLs, each as the
// job of its name, and evaluates the example rules. It keeps its data in a folder
// of the test's.
func startPrometheus(t *testing.T, targets map[string]string) *prometheus {
	t.Helper()
	program := needTool(t, "prometheus")
	dir := t.TempDir()
	rules, err := filepath.Abs("../deploy/prometheus/*rules.yml")
	require.NoError(t, err)
	config := fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n", rules)
	for job, target := range targets {
		parsed, err := url.Parse(target)
		require.NoError(t, err)
		config += fmt.Sprintf("- {job_name: %q, static_configs: [{targets: [%q]}]}\n", job, parsed.Host)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))

	for range 3 { // another may take the address meanwhile
		if p := runPrometheus(t, program, dir); p != nil {
			return p
		}
	}
	require.Fail(t, "the server ends at once")
	return nil
}

// runPrometheus returns the server once it is ready; nil if it ended instead.
func runPrometheus(t *testing.T, program, dir string) *prometheus {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	cmd.Dir, cmd.Stderr = dir, t.Output()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	transport := &http.Transport{}
	p := &prometheus{url: "http://" + address, client: &http.Client{Transport: transport}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for {
		select {
		case <-ended:
			return nil
		case <-t.Context().Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
		if response, err := p.get(t.Context(), "/-/ready", nil); err == nil {
			require.NoError(t, response.Body.Close())
			if response.StatusCode == http.StatusOK {
				return p
			}
		}
	}
}

// freeAddress is one that nobody listens on now. Prometheus cannot be asked which
// port it chose.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func (p *prometheus) get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return p.client.Do(request)
}

// sample is one element of an instant vector.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s sample) value(t *testing.T) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s.Value[1].(string), 64)
	require.NoError(t, err)
	return v
}

// ask puts what a path of the API answers into data.
func (p *prometheus) ask(t *testing.T, path string, query url.Values, data any) {
	t.Helper()
	response, err := p.get(t.Context(), path, query)
	require.NoError(t, err)
	defer response.Body.Close()
	answer := struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   any    `json:"data"`
	}{Data: data}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, "%v: %s", query, answer.Error)
}

// query answers PromQL now.
func (p *prometheus) query(t *testing.T, promql string) []sample {
	t.Helper()
	var data struct {
		Result []sample `json:"result"`
	}
	p.ask(t, "/api/v1/query", url.Values{"query": {promql}}, &data)
	return data.Result
}

// requireUnderstood fails if the last scrape of a target was not, for another
// reason than that the machine was too busy for it.
func (p *prometheus) requireUnderstood(t *testing.T) {
	t.Helper()
	var data struct {
		ActiveTargets []struct {
			LastError string
		}
	}
	p.ask(t, "/api/v1/targets", nil, &data)
	for _, target := range data.ActiveTargets {
		if !strings.Contains(target.LastError, "deadline exceeded") {
			require.Empty(t, target.LastError)
		}
	}
}

// waitFor waits until a condition holds, and meanwhile that each scrape is
// understood. left says what is still missing; empty if nothing is.
func (p *prometheus) waitFor(t *testing.T, left func() []string) {
	t.Helper()
	const patience = 2 * time.Minute
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		missing := left()
		p.requireUnderstood(t)
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			require.Failf(t, "still missing", "after %s:\n%s", patience, strings.Join(missing, "\n"))
		}
	}
}

// answers waits until each query has an answer.
func (p *prometheus) answers(t *testing.T, queries []string) {
	t.Helper()
	p.waitFor(t, func() []string {
		queries = slices.DeleteFunc(queries, func(query string) bool { return len(p.query(t, query)) > 0 })
		return queries
	})
}

// knowsUnit tells whether the server was told the unit of a metric.
func (p *prometheus) knowsUnit(t *testing.T, metric string) bool {
	t.Helper()
	var data []struct {
		Unit string `json:"unit"`
	}
	p.ask(t, "/api/v1/targets/metadata", url.Values{"metric": {metric}}, &data)
	return len(data) > 0 && data[0].Unit != ""
}
