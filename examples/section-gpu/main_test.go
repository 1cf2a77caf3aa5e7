package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
)

// answer asks the service, without a database, for the section.
func answer(t *testing.T, gpus string) (value string, report domain.SectionReport) {
	t.Helper()
	cfg := orchmetrics.Config{
		MetricsEnabled: true, Listen: "127.0.0.1:0", DB: filepath.Join(t.TempDir(), "none.db"), ProcRoot: "/proc",
		SectionTimeout: 2 * time.Second, MaxRows: 100, Logger: slog.New(slog.DiscardHandler),
	}
	sources, err := orchmetrics.ProductionSources(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sources.Extra = append(sources.Extra, &GPUs{Path: gpus})
	server, err := orchmetrics.InitializeServerFrom(cfg, sources)
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
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
