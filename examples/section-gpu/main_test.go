package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

// serviceWith is the service, without a database, with the section.
func serviceWith(t *testing.T, gpus string) http.Handler {
	t.Helper()
	cfg := orchmetrics.DefaultConfig()
	cfg.DB, cfg.Logger = filepath.Join(t.TempDir(), "none.db"), slog.New(slog.DiscardHandler)
	sources, err := orchmetrics.ProductionSources(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sources.Extra = append(sources.Extra, &GPUs{Path: gpus})
	server, err := orchmetrics.InitializeServerFrom(cfg, sources)
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler()
}

// answer asks the service for the section.
func answer(t *testing.T, gpus string) (value string, report domain.SectionReport) {
	t.Helper()
	recorder := httptest.NewRecorder()
	serviceWith(t, gpus).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	contracttest.Validate(t, recorder.Body.Bytes())
	var envelope domain.Envelope
	if err := json.Unmarshal(recorder.Body.Bytes(), &envelope); err != nil {
		t.Fatal(err)
	}
	for _, extension := range envelope.Extensions {
		if extension.Key == "gpus" {
			return string(extension.Value), envelope.Sections["gpus"]
		}
	}
	t.Fatalf("no section gpus in %s", recorder.Body)
	return "", domain.SectionReport{}
}

func TestGPUs(t *testing.T) {
	for name, tc := range map[string]struct {
		file, value string
		status      domain.Status
	}{
		"two":    {"NVIDIA H100, 40960, 87\nNVIDIA H100, 512, 0\n", `[{"name":"NVIDIA H100","memory_mib":40960,"use_percent":87},{"name":"NVIDIA H100","memory_mib":512,"use_percent":0}]`, domain.StatusOK},
		"none":   {"", `[]`, domain.StatusOK},
		"broken": {"NVIDIA H100, lots, 87\n", `[]`, domain.StatusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "gpus.csv")
			if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			value, report := answer(t, path)
			if value != tc.value || report.Status != tc.status {
				t.Errorf("got %s, %s", value, report.Status)
			}
		})
	}
	if value, report := answer(t, "/nowhere"); value != "[]" || report.Status != domain.StatusFailed {
		t.Errorf("without its file: got %s, %s", value, report.Status)
	}
}

// TestGPUs_Conform runs the suite of the port, as any section's test may.
func TestGPUs_Conform(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gpus.csv")
	if err := os.WriteFile(path, []byte("NVIDIA H100, 40960, 87\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	portstest.Section(t, func(testing.TB) ports.Section { return &GPUs{Path: path} })
	portstest.Section(t, func(testing.TB) ports.Section { return &GPUs{Path: "/nowhere"} })
}

// TestRun serves it as main does, until it is told to stop.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	cfg := orchmetrics.DefaultConfig()
	cfg.Listen, cfg.DB, cfg.Logger = "unix:"+filepath.Join(dir, "m.sock"), filepath.Join(dir, "none.db"), slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, filepath.Join(dir, "none.csv")) }()
	client, base := orchmetrics.Client(cfg.Listen)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		response, err := client.Get(base + "/metrics?section=gpus")
		if err == nil {
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil || !strings.Contains(string(body), `"gpus":[]`) {
				t.Errorf("got %s, %v", body, err)
			}
			contracttest.Validate(t, body)
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestGPUs_Metrics: Prometheus sees the same, in base units.
func TestGPUs_Metrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gpus.csv")
	metrics := func(file string) string {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		request.Header.Set("Accept", "text/plain")
		serviceWith(t, path).ServeHTTP(recorder, request)
		return recorder.Body.String()
	}
	text := metrics("NVIDIA H100, 40960, 87\nNVIDIA H100, 512, 0\n")
	for _, line := range []string{
		`orchestrator_gpus_memory_used_bytes{gpu="0",name="NVIDIA H100"} 4.294967296e+10`,
		`orchestrator_gpus_use_ratio{gpu="0",name="NVIDIA H100"} 0.87`,
		`orchestrator_gpus_use_ratio{gpu="1",name="NVIDIA H100"} 0`,
		`orchmetrics_section_metrics_up{section="gpus"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	if text := metrics("NVIDIA H100, lots, 87\n"); strings.Contains(text, "orchestrator_gpus_") {
		t.Errorf("what is unknown is absent, not in\n%s", text)
	}
}
