package sqlstore

import (
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// orchestrator is a random one: it does what orchestrators do, and its owner
// edits the database by hand.
type orchestrator struct {
	t    *rapid.T
	path string
	db   *sql.DB
	fast *Store
	dirt bool // something was done that only a recount can see
}

func (o *orchestrator) exec(query string, args ...any) {
	_, err := o.db.Exec(query, args...)
	require.NoError(o.t, err, query)
}

// some is a random existing id of a table, one that never exists if there is none.
func (o *orchestrator) some(table, where string) int64 {
	var ids []int64
	rows, err := o.db.Query("SELECT id FROM " + table + " WHERE " + where + " ORDER BY id")
	require.NoError(o.t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		require.NoError(o.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(o.t, rows.Err())
	if len(ids) == 0 {
		return math.MinInt64
	}
	return rapid.SampledFrom(ids).Draw(o.t, table)
}

func (o *orchestrator) open() {
	var err error
	o.db, err = sql.Open("sqlite3", "file:"+o.path+"?_journal_mode=WAL&_synchronous=OFF")
	require.NoError(o.t, err)
	o.db.SetMaxOpenConns(1)
}

func (o *orchestrator) create() {
	o.open()
	o.exec(`CREATE TABLE tasks (id INTEGER PRIMARY KEY, stage TEXT)`)
	o.exec(`CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT NOT NULL, attempts INTEGER DEFAULT 0, run_id INTEGER)`)
	o.exec(`CREATE INDEX idx_jobs_status ON jobs(status)`)
	o.exec(`CREATE TABLE agent_runs (id INTEGER PRIMARY KEY, finished_at TEXT, cost_usd REAL, input_tokens INTEGER,
		output_tokens INTEGER, cache_read_tokens INTEGER, cache_creation_tokens INTEGER)`)
}

// operations are what may happen between two scrapes.
func (o *orchestrator) operations() map[string]func(*rapid.T) {
	start := func(job int64) {
		o.exec(`INSERT INTO agent_runs (finished_at) VALUES (NULL)`)
		o.exec(`UPDATE jobs SET status='running', attempts=attempts+1, run_id=(SELECT max(id) FROM agent_runs) WHERE id=?`, job)
	}
	end := func(job int64, status string, parsed bool) {
		o.exec(`UPDATE jobs SET status=? WHERE id=?`, status, job)
		o.exec(`UPDATE agent_runs SET finished_at='2026-06-01' WHERE id=(SELECT run_id FROM jobs WHERE id=?)`, job)
		if parsed {
			o.exec(`UPDATE agent_runs SET cost_usd=id*0.25, input_tokens=id*7, output_tokens=3, cache_read_tokens=id, cache_creation_tokens=NULL
				WHERE id=(SELECT run_id FROM jobs WHERE id=?)`, job)
		}
	}
	byHand := func(query string, args ...any) {
		o.dirt = true
		o.exec(query, args...)
	}
	return map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			for range rapid.IntRange(1, 30).Draw(t, "n") {
				o.exec(`INSERT INTO jobs (status) VALUES ('queued')`)
			}
		},
		"start": func(*rapid.T) { start(o.some("jobs", "status='queued'")) },
		"end": func(t *rapid.T) {
			end(o.some("jobs", "status='running'"), rapid.SampledFrom([]string{"done", "failed", "cancelled", "queued", "odd"}).Draw(t, "status"),
				rapid.Bool().Draw(t, "parsed"))
		},
		"start and end": func(*rapid.T) {
			job := o.some("jobs", "status='queued'")
			start(job)
			end(job, "done", true)
		},
		"append and end": func(*rapid.T) {
			o.exec(`INSERT INTO jobs (status, attempts) VALUES ('cancelled', 3)`)
		},
		"late report": func(*rapid.T) {
			o.exec(`UPDATE agent_runs SET cost_usd=1.5, input_tokens=11 WHERE id=?`, o.some("agent_runs", "cost_usd IS NULL"))
		},
		"put back": func(*rapid.T) {
			o.exec(`UPDATE jobs SET status='queued' WHERE id=?`, o.some("jobs", "status IN ('done','failed','cancelled')"))
		},
		"run again": func(*rapid.T) { start(o.some("jobs", "status IN ('done','failed')")) },
		"resume the same run": func(*rapid.T) {
			o.exec(`UPDATE jobs SET status='running' WHERE id=?`, o.some("jobs", "status='failed' AND run_id IS NOT NULL"))
		},
		"vacuum":  func(*rapid.T) { o.exec(`VACUUM`) },
		"restart": func(*rapid.T) { require.NoError(o.t, o.db.Close()); o.open() },
		"migrate": func(t *rapid.T) {
			o.exec(fmt.Sprintf(`CREATE TABLE IF NOT EXISTS other%d (x)`, rapid.IntRange(0, 9).Draw(t, "table")))
		},
		"replace": func(*rapid.T) {
			require.NoError(o.t, o.db.Close())
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(o.path + suffix)
			}
			o.create()
		},
		"edit a job": func(t *rapid.T) {
			byHand(`UPDATE jobs SET attempts=?, status=? WHERE id=?`, rapid.SampledFrom([]any{0, 9, nil, "many", 1.5}).Draw(t, "attempts"),
				rapid.SampledFrom([]any{"done", "odd", []byte("done")}).Draw(t, "status"), o.some("jobs", "1"))
		},
		"edit a run": func(t *rapid.T) {
			byHand(`UPDATE agent_runs SET cost_usd=?, input_tokens=? WHERE id=?`, rapid.SampledFrom([]any{0.5, 3, nil, "free", -2.25}).Draw(t, "cost"),
				rapid.SampledFrom([]any{1, nil, "x", []byte("1")}).Draw(t, "tokens"), o.some("agent_runs", "1"))
		},
		"prune jobs": func(*rapid.T) { byHand(`DELETE FROM jobs WHERE id <= ?`, o.some("jobs", "1")) },
		"prune runs": func(*rapid.T) {
			byHand(`DELETE FROM agent_runs WHERE id >= ? AND id < ? + 5`, o.some("agent_runs", "1"), o.some("agent_runs", "1"))
		},
		"delete the last": func(*rapid.T) { byHand(`DELETE FROM jobs WHERE id = (SELECT max(id) FROM jobs)`) },
		"insert below":    func(*rapid.T) { byHand(`INSERT OR IGNORE INTO jobs (id, status, attempts) VALUES (-5, 'done', 2)`) },
	}
}

// check compares the sums that are kept with those of a store that reads all.
func (o *orchestrator) check(*rapid.T) {
	exact, err := New(o.path, Options{MaxRows: 1000, Budget: time.Minute, Exact: true})
	require.NoError(o.t, err)
	if o.dirt {
		for range o.fast.history.taken() + 2 { // each recounts a block of both tables
			o.fast.recount(o.t.Context(), 0)
		}
		o.dirt = false
	}
	want, got := totalsOf(o.t, exact), totalsOf(o.t, o.fast)
	require.Equal(o.t, want, got)
}

type totals struct {
	counts  domain.StatusCounts
	retries domain.Retries
	costs   domain.CostTotals
	odd     int64
}

// totalsOf reads the three sums in one view. The costs are multiples of 1/4, so
// that floats add up exactly in any order.
func totalsOf(t *rapid.T, s *Store) totals {
	ctx, end := s.View(t.Context())
	defer end()
	counts, err := s.StatusCounts(ctx)
	require.NoError(t, err)
	retries, err := s.Retries(ctx)
	require.NoError(t, err)
	costs, err := s.CostTotals(ctx)
	require.NoError(t, err)
	return totals{counts.Value, *retries.Value, *costs.Value, counts.Anomalies + retries.Anomalies + costs.Anomalies}
}

// TestHistory_EqualsExact: whatever an orchestrator does, in whatever order, the
// sums that are kept between scrapes are those of reading everything; after
// edits by hand, once the recount has come round.
func TestHistory_EqualsExact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		o := &orchestrator{t: rt, path: filepath.Join(dir, fmt.Sprintf("%d.db", run))}
		o.create()
		defer func() { require.NoError(rt, o.db.Close()) }()
		var err error
		o.fast, err = New(o.path, Options{MaxRows: 1000, Budget: time.Minute})
		require.NoError(rt, err)
		o.fast.history.fill = rapid.Int64Range(1, 16).Draw(rt, "rows of a block")
		actions := o.operations()
		actions[""] = o.check
		rt.Repeat(actions)
	})
}

// TestHistory_WatchesFew: runs that never end do not add up.
func TestHistory_WatchesFew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "orchestrator.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=OFF")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE agent_runs (id INTEGER PRIMARY KEY, finished_at TEXT, cost_usd REAL, input_tokens INTEGER,
		output_tokens INTEGER, cache_read_tokens INTEGER, cache_creation_tokens INTEGER)`)
	require.NoError(t, err)
	store, err := New(path, Options{MaxRows: 10, Budget: time.Minute})
	require.NoError(t, err)
	for range 4 {
		_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 700)
			INSERT INTO agent_runs (input_tokens) SELECT 1 FROM n`)
		require.NoError(t, err)
		reading, err := store.CostTotals(t.Context())
		require.NoError(t, err)
		require.Equal(t, reading.Value.Runs, *reading.Value.InputTokens)
	}
	require.LessOrEqual(t, len(store.history.runs.ledger.watched), lookBack+700)
	_, err = db.Exec(`INSERT INTO agent_runs (input_tokens) VALUES (1)`)
	require.NoError(t, err)
	_, err = store.CostTotals(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, len(store.history.runs.ledger.watched), lookBack+1)
}
