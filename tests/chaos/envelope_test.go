package chaos

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // writes the random databases
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// scratch is a database that is filled again and again.
type scratch struct {
	path string
	db   *sql.DB
}

func newScratch(t testing.TB) scratch {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orchestrator.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_synchronous=OFF")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1)
	return scratch{path, db}
}

// fill replaces what is in the database, at once.
func (s scratch) fill(c content) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, table := range []table{c.tasks, c.jobs, c.runs} {
		statements := fmt.Sprintf("DROP TABLE IF EXISTS %[1]s; CREATE TABLE %[1]s (ordinal, %s);", table.name, strings.Join(table.columns, ", "))
		if table.keyed {
			statements = strings.Replace(statements, "(ordinal, id,", "(ordinal, id INTEGER PRIMARY KEY,", 1)
		}
		if table.indexed != "" {
			statements += fmt.Sprintf("CREATE INDEX by_%[1]s ON %[1]s (%s);", table.name, table.indexed)
		}
		if _, err := tx.Exec(statements); err != nil {
			return err
		}
		insert := fmt.Sprintf("INSERT INTO %s VALUES (?%s)", table.name, strings.Repeat(", ?", len(table.columns)))
		for i, row := range table.rows {
			values := []any{i}
			for _, column := range table.columns {
				values = append(values, row[column])
			}
			if _, err := tx.Exec(insert, values...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// handler is the service, with its real adapters, over a database.
func handler(t require.TestingT, path string, exact bool) http.Handler {
	cfg := orchmetrics.Config{MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: time.Minute, MaxRows: 10_000, Logger: slog.New(slog.DiscardHandler)}
	engine, err := sqlite.New(path, cfg.SectionTimeout)
	require.NoError(t, err)
	store, err := sqlstore.New(engine, sqlstore.Options{MaxRows: cfg.MaxRows, Exact: exact})
	require.NoError(t, err)
	server, err := orchmetrics.InitializeServerFrom(cfg, orchmetrics.Sources{
		Stages: store, Queue: store, Agents: store, Cost: store,
		Worker: workerstate.NewFile(""),
		CPU:    procfs.New("/proc"),
		Clock:  procfs.NewClock("/proc"),
		Views:  []ports.Viewer{store},
	})
	require.NoError(t, err)
	return server.Handler()
}

// answerTo is what a handler answers, and the envelope with its integers whole.
func answerTo(t require.TestingT, h http.Handler) (body []byte, e envelope) {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, recorder.Code)
	body = recorder.Body.Bytes()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&e))
	return body, e
}

// checkEnvelope fills the database and compares the answer with what the content
// says it must be.
func checkEnvelope(t *rapid.T, s scratch) {
	c := contents().Draw(t, "content")
	require.NoError(t, s.fill(c))
	body, e := answerTo(t, handler(t, s.path, c.exact))
	require.NoError(t, contracttest.Check(body))
	o := oracle{c, s.db}

	rows, anomalies, err := o.activeTasks()
	require.NoError(t, err)
	assert.Len(t, e["stages"], int(rows))
	expect(t, e, "stages", "ok", nil, anomalies)

	rows, ofJobs, err := o.runningJobs()
	require.NoError(t, err)
	assert.Len(t, e["agents"], int(rows))
	assert.Len(t, e.at("cost", "running"), int(rows))
	expect(t, e, "agents", "ok", nil, ofJobs)

	checkQueue(t, e, o)
	checkAggregate(t, e, o, ofJobs)
}

func checkQueue(t *rapid.T, e envelope, o oracle) {
	counts, err := json.Marshal(o.statuses())
	require.NoError(t, err)
	shown, err := json.Marshal(e.at("queue", "counts"))
	require.NoError(t, err)
	assert.JSONEq(t, string(counts), string(shown))
	retried, total, most, fits := o.retries()
	if !fits {
		assert.Nil(t, e.at("queue", "retries"))
		if code := any("invalid_value"); o.oddStatuses() > 0 {
			expect(t, e, "queue", "degraded", "unreadable_cells", o.oddStatuses()) // the first code that there is
		} else {
			expect(t, e, "queue", "degraded", code, 0)
		}
		return
	}
	if unknown(o.jobs.rows, "attempts", oddInteger) {
		assert.Nil(t, e.at("queue", "retries"))
	} else {
		assert.Equal(t, map[string]any{"retried_jobs": number(retried), "retries_total": number(total), "max_attempts_seen": number(most)},
			e.at("queue", "retries"))
	}
	status, code := verdict(o.oddStatuses() + o.oddAttempts())
	expect(t, e, "queue", status, code, o.oddStatuses()+o.oddAttempts())
}

func checkAggregate(t *rapid.T, e envelope, o oracle, ofJobs int64) {
	cost, size := o.cost()
	fits := !math.IsInf(size, 0)
	for _, column := range runColumns[5:] {
		total, fit := o.tokens(column)
		fits = fits && fit
		if shown := e.at("cost", "aggregate", column); fit && shown != nil {
			assert.Equal(t, number(total), shown, column)
		}
	}
	if e.at("cost", "aggregate") == nil {
		assert.False(t, fits, "the sums fit")
		expect(t, e, "cost", "degraded", "invalid_value", ofJobs)
		return
	}
	assert.Equal(t, number(int64(len(o.runs.rows))), e.at("cost", "aggregate", "runs"))
	if unknown(o.runs.rows, "cost_usd", oddNumber) {
		assert.Nil(t, e.at("cost", "aggregate", "cost_usd"))
	} else if fits {
		shown, err := e.at("cost", "aggregate", "cost_usd").(json.Number).Float64()
		require.NoError(t, err)
		assert.InDelta(t, cost, shown, 1e-9*size)
	}
	status, code := verdict(o.oddRuns())
	expect(t, e, "cost", status, code, ofJobs+o.oddRuns())
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// expect checks how a section's reading went.
func expect(t *rapid.T, e envelope, section, status string, code any, anomalies int64) {
	assert.Equal(t, status, e.at("sections", section, "status"), section)
	assert.Equal(t, code, e.at("sections", section, "code"), section)
	assert.Equal(t, number(anomalies), e.at("sections", section, "anomalies"), "anomalies of %s", section)
}

// TestEnvelope_AnyCells: whatever is in the cells, the answer is what the contract says.
// Each row is there, and the anomalies are the cells that became null.
func TestEnvelope_AnyCells(t *testing.T) {
	t.Parallel()
	anyCell.try(t, "random cells", func(t *testing.T) {
		s := newScratch(t)
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			n++
			checkEnvelope(t, s)
		})
		anyCell.measuredf(t, "%d random databases", n)
	})
}

// TestEnvelope_HugeCells: a cell of 20 MB is shown cut, or is an anomaly.
func TestEnvelope_HugeCells(t *testing.T) {
	t.Parallel()
	anyCell.try(t, "cells of 20 MB", func(t *testing.T) {
		s := newScratch(t)
		require.NoError(t, s.fill(content{
			tasks: table{name: "tasks", columns: taskColumns, rows: []map[string]cell{{"id": int64(1), "stage": "review"}}},
			jobs:  table{name: "jobs", columns: jobColumns},
			runs:  table{name: "agent_runs", columns: runColumns},
		}))
		_, err := s.db.Exec("UPDATE tasks SET repo = printf('%.20000000c', 'x'), work_item_id = zeroblob(20000000), updated_at = zeroblob(20000000)")
		require.NoError(t, err)
		body, e := answerTo(t, handler(t, s.path, false))
		require.NoError(t, contracttest.Check(body))
		assert.Equal(t, strings.Repeat("x", 4096), e.at("stages", 0, "repo"))
		assert.Equal(t, number(2), e.at("sections", "stages", "anomalies"))
		assert.Less(t, len(body), 16<<10)
	})
}

// FuzzEnvelope draws the cells from the fuzzer's bytes.
func FuzzEnvelope(f *testing.F) {
	s := newScratch(f)
	for seed := range byte(8) { // long enough for the largest database
		bytes := make([]byte, 32<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(bytes) // never fails
		f.Add(bytes)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { checkEnvelope(t, s) }))
}
