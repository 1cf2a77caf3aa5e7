package tests

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// goldenTime is the instant of every golden: 2026-06-01 12:00:00.250 UTC.
const goldenTime = 1_780_315_200_250

// fixedClock always tells the same instant.
type fixedClock struct{}

func (fixedClock) Now() domain.Instant {
	return domain.Instant{UnixMS: goldenTime, BoottimeMS: new(int64(7_200_250)), BootID: new("11111111-2222-3333-4444-555555555555")}
}

// goldenHandler is the service with its real adapters, over a database, a
// worker-state file and a proc tree of the test's, at the golden instant.
func goldenHandler(t *testing.T, database, workerFile string, change func(*orchmetrics.Config)) http.Handler {
	t.Helper()
	cfg := orchmetrics.Config{
		MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: 10 * time.Second, MaxRows: 10000, LogLevel: 99, Version: "golden",
	}
	if change != nil {
		change(&cfg)
	}
	engine, err := sqlite.New(database, cfg.SectionTimeout)
	require.NoError(t, err)
	store, err := sqlstore.New(engine, sqlstore.Options{MaxRows: cfg.MaxRows})
	require.NoError(t, err)
	server, err := orchmetrics.InitializeServerFrom(cfg, orchmetrics.Sources{
		Stages: store, Queue: store, Agents: store, Cost: store,
		Worker: workerstate.NewFile(workerFile),
		CPU:    procfs.New(procTree(t)),
		Clock:  fixedClock{},
		Views:  []ports.Viewer{store},
	})
	require.NoError(t, err)
	return server.Handler()
}

func workerFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"breaker":{"state":"half_open","failures":3,"later":[1,2]},
		"max_concurrency":4,"poll_interval":2.5,"updated_at":"2026-06-01T13:59:58.5+02:00","unknown":{"a":1}}`), 0o600))
	return path
}

func TestGolden(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.db")
	for name, tc := range map[string]struct {
		database func(t *testing.T) string
		worker   func(t *testing.T) string
		change   func(*orchmetrics.Config)
		target   string
	}{
		"busy":  {database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql") }},
		"empty": {database: func(t *testing.T) string { return newDatabase(t, "schema.sql") }},
		"database_missing": {
			database: func(*testing.T) string { return missing },
			worker:   func(*testing.T) string { return "" },
		},
		"table_missing": {database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql", "drop_runs.sql") }},
		"kill_switch_off": {
			database: func(*testing.T) string { return missing },
			change:   func(cfg *orchmetrics.Config) { cfg.MetricsEnabled = false },
		},
		"worker_state_missing": {
			database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql") },
			worker:   func(*testing.T) string { return filepath.Join(missing, "..", "no-worker.json") },
		},
		"worker_state_in_part": {
			database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql") },
			worker: func(t *testing.T) string {
				path := filepath.Join(t.TempDir(), "worker.json")
				require.NoError(t, os.WriteFile(path, []byte(`{"breaker":"open","max_concurrency":4.0,"poll_interval":"2 s"}`), 0o600))
				written := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) // a month ago, which it does not say itself
				require.NoError(t, os.Chtimes(path, written, written))
				return path
			},
		},
		"section_disabled": {
			database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql") },
			change:   func(cfg *orchmetrics.Config) { cfg.SectionsDisabled = []string{"cost", "agents"} },
		},
		"narrowed": {
			database: func(t *testing.T) string { return newDatabase(t, "schema.sql", "busy.sql") },
			target:   "/metrics?section=queue&section=stages&section=queue",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.worker == nil {
				tc.worker = workerFile
			}
			if tc.target == "" {
				tc.target = "/metrics"
			}
			recorder := httptest.NewRecorder()
			goldenHandler(t, tc.database(t), tc.worker(t), tc.change).
				ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.target, nil))
			require.Equal(t, http.StatusOK, recorder.Code)
			body, err := io.ReadAll(recorder.Body)
			require.NoError(t, err)
			compareGolden(t, name+".json", normalize(t, body))
		})
	}
}

// normalize is the one place where what differs from run to run is replaced, and
// the answer is indented for people, once it has passed the schema. Its keys keep their order.
func normalize(t *testing.T, body []byte) []byte {
	t.Helper()
	contracttest.Validate(t, body)
	for pattern, replacement := range map[string]string{
		`"duration_ms":[0-9.e-]+`:      `"duration_ms":0.5`,
		`"id":"[A-Z2-7]{26}"`:          `"id":"AAAAAAAAAAAAAAAAAAAAAAAAAA"`,
		`"recounted_at":"[^"]+"`:       `"recounted_at":"2026-06-01T11:59:00Z"`,
		`"sampled_boottime_ms":[0-9]+`: `"sampled_boottime_ms":7200251`,
	} {
		body = regexp.MustCompile(pattern).ReplaceAll(body, []byte(replacement))
	}
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, body, "", "  "))
	indented.WriteByte('\n')
	return indented.Bytes()
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run `make golden` for a new golden")
	require.Equal(t, string(want), string(got), "if the change is meant, run `make golden` and look at the difference")
}
