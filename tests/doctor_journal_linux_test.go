package tests

import (
	"context"
	"database/sql"
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// busyView makes reading the tasks a computation of so many steps: nothing reads
// them faster, whatever the machine is.
func busyView(steps string) []string {
	return []string{"ALTER TABLE tasks RENAME TO real_tasks", `CREATE VIEW tasks AS
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + steps + `)
		SELECT max(i) AS id, 'w' AS work_item_id, 'r' AS repo, 's' AS stage, datetime('now') AS updated_at FROM n`}
}

// TestDoctor_Journal: what a scrape costs a writer is measured and said, and how to
// be rid of it. Once that is done, all is well.
func TestDoctor_Journal(t *testing.T) {
	t.Parallel()
	db, env := wellHost(t)
	journal := func(want int) doctor.Result {
		found := surgery{env: env}.examine(t, "--json", "--strict")
		assert.Equal(t, want, found.status, found.stdout)
		return of(t, found.report(t), "journal")
	}
	found := journal(0)
	assert.Equal(t, doctor.Result{
		Check: "journal", Status: doctor.OK, Message: "a write-ahead log: no commit waits for a scrape",
		Details: []doctor.Detail{}, DurationMS: found.DurationMS,
	}, found)

	execute(t, db, append(busyView("300000"), "PRAGMA journal_mode=DELETE")...)
	found = journal(1)
	assert.Equal(t, doctor.Warning, found.Status)
	took := regexp.MustCompile(`^a rollback journal: no commit is made while a scrape reads, which kept the lock for ([0-9.]+) ms at a time, [0-9.]+ ms in all.*busy_timeout is 0 is refused at once$`).
		FindStringSubmatch(found.Message)
	require.NotNil(t, took, found.Message)
	figure, err := strconv.ParseFloat(took[1], 64)
	require.NoError(t, err)
	assert.Greater(t, figure, 5.0, "so many steps take longer than this on any machine")
	assert.Contains(t, found.Do, "PRAGMA journal_mode=WAL")

	execute(t, db, "PRAGMA journal_mode=WAL", "DROP VIEW tasks", "ALTER TABLE real_tasks RENAME TO tasks")
	assert.Equal(t, doctor.OK, journal(0).Status)
}

// TestJournal_WhoWaits: what the documents say of both modes. While a scrape reads,
// a writer that does not wait commits with a write-ahead log, and is refused with a
// rollback journal.
func TestJournal_WhoWaits(t *testing.T) {
	t.Parallel()
	for mode, refused := range map[string]bool{"WAL": false, "DELETE": true} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := newDatabase(t, "schema.sql", "well.sql")
			execute(t, path, append(busyView("100000000"), "PRAGMA journal_mode="+mode)...) // as long as it may take
			writer, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=0&_synchronous=OFF")
			require.NoError(t, err)
			defer func() { require.NoError(t, writer.Close()) }()
			writer.SetMaxOpenConns(1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			scrape := exec.CommandContext(ctx, program(t), "snapshot", "--db="+path, "--section-timeout=2s", "--log-level=error")
			scrape.Dir = t.TempDir()
			require.NoError(t, scrape.Start())
			ended := make(chan error, 1)
			go func() { ended <- scrape.Wait() }()
			commits, refusals := 0, 0
			for under := true; under; time.Sleep(5 * time.Millisecond) { // so that the scrape gets its lock
				select {
				case err := <-ended:
					require.NoError(t, err)
					under = false
				default:
				}
				_, err := writer.ExecContext(ctx, "UPDATE jobs SET attempts = attempts + 1 WHERE id = 1")
				failure, busy := errors.AsType[sqlite3.Error](err)
				if busy = busy && failure.Code == sqlite3.ErrBusy; !busy {
					require.NoError(t, err)
					commits++
					continue
				}
				refusals++
			}
			assert.Positive(t, commits)
			assert.Equal(t, refused, refusals > 0, "%d commits, %d refused", commits, refusals)
		})
	}
}
