package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// slack is how many more steps a scrape of a larger database may take. A look-up
// takes the same steps at any depth of a tree; a scan takes some for each row.
const slack = 50

// few is how many rows the smallest database has: some blocks, so that those of the
// larger ones end in the same way.
const few = 10 * rollup.BlockRows

// TestComplexity: a scrape costs what is active, not what has happened. It counts
// the steps that SQLite takes for the statements of one scrape, so that no clock
// decides.
func TestComplexity(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]struct {
		setting    setting
		statements int // to compile one takes longer than to run it
	}{
		"busy":     {setting{check: isBusy, commit: commit}, 7},
		"idle":     {setting{before: idle, commit: another}, 7},
		"analyzed": {setting{before: "ANALYZE", check: isBusy, commit: commit}, 7},
		"analyzed when small": {setting{
			before: "ANALYZE; UPDATE sqlite_stat1 SET stat = CASE WHEN idx IS NULL THEN '2' ELSE '2 1' END",
			check:  isBusy, commit: commit,
		}, 7},
		"misled":    {setting{before: whileIdle("ANALYZE"), check: isBusy, commit: commit}, 7},
		"no jobs":   {setting{before: "DROP TABLE jobs", commit: another}, 3},
		"no status": {setting{before: "DROP INDEX idx_jobs_status; ALTER TABLE jobs DROP COLUMN status", commit: another}, 6},
		"unknown stages": {setting{before: `ALTER TABLE tasks RENAME TO old; DROP INDEX idx_tasks_stage;
			CREATE TABLE tasks (id INTEGER PRIMARY KEY, work_item_id TEXT, stage TEXT COLLATE NOCASE, repo TEXT, updated_at TEXT);
			INSERT INTO tasks SELECT id, work_item_id, stage, repo, updated_at FROM old; DROP TABLE old;
			CREATE INDEX "by ""stage""" ON tasks(stage COLLATE BINARY); ANALYZE`, check: isBusy, commit: commit}, 7},
		"nothing ever": {setting{before: "DELETE FROM jobs; DELETE FROM agent_runs; DELETE FROM tasks", commit: another}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small, middle, large := scrapeWork(t, few, what.setting), scrapeWork(t, 2*few, what.setting), scrapeWork(t, 10*few, what.setting)
			t.Logf("%d rows: %v; twice as many: %v; ten times: %v", few, small, middle, large)
			assert.Len(t, small.statements, what.statements)
			assert.Greater(t, small.steps, int64(100), "the statistics were not understood")
			for rows, work := range map[int]work{2 * few: middle, 10 * few: large} {
				assert.Equal(t, small.statements, work.statements, "%d rows: the scrape runs other statements", rows)
				assert.Equal(t, small.rows, work.rows, "%d rows: more rows are returned", rows)
				assert.InDelta(t, small.scanned, work.scanned, slack, "%d rows: more rows are scanned", rows)
				assert.InDelta(t, small.steps, work.steps, slack, "%d rows: more steps are taken", rows)
			}
		})
	}
}

// TestComplexity_SeesAScan: the guard is worth only what it catches. Reading
// everything grows with the rows.
func TestComplexity_SeesAScan(t *testing.T) {
	t.Parallel()
	small, large := scrapeWork(t, few, setting{exact: true, check: isBusy, commit: commit}), scrapeWork(t, 2*few, setting{exact: true, check: isBusy, commit: commit})
	t.Logf("%d rows: %v; twice as many: %v", few, small, large)
	assert.Greater(t, large.steps-small.steps, int64(2*few), "with at least one step for each job and each run")
}

// work is what SQLite did.
type work struct {
	statements []string // without their numbers, which are ids
	rows       int64    // returned
	scanned    int64    // rows stepped over without an index, "Fullscan Steps"
	steps      int64    // "Virtual Machine Steps"
}

func (w work) String() string {
	return fmt.Sprintf("%d statements, %d rows, %d scanned, %d steps", len(w.statements), w.rows, w.scanned, w.steps)
}

// setting is what a database is like when it is scraped.
type setting struct {
	exact  bool
	before string                    // what is done to the busy database
	commit func(*testing.T, *sql.DB) // what happens between scrapes
	check  func(*testing.T, *Store)  // what a scrape must show
}

// idle is a database of which all has ended.
const idle = `UPDATE tasks SET stage = 'done'; UPDATE jobs SET status = 'done';
	UPDATE agent_runs SET finished_at = datetime('now'), cost_usd = 1`

// whileIdle does something while all has ended.
func whileIdle(what string) string {
	return `CREATE TABLE t AS SELECT id, stage FROM tasks; CREATE TABLE j AS SELECT id, status FROM jobs;
		UPDATE tasks SET stage = 'done'; UPDATE jobs SET status = 'done'; ` + what + `;
		UPDATE tasks SET stage = (SELECT stage FROM t WHERE t.id = tasks.id) WHERE id > (SELECT max(id) - 100 FROM t);
		UPDATE jobs SET status = (SELECT status FROM j WHERE j.id = jobs.id) WHERE id > (SELECT max(id) - 100 FROM j); DROP TABLE t; DROP TABLE j`
}

// another is a commit that scrapes are not concerned with.
func another(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.Exec("CREATE TABLE IF NOT EXISTS other (id); INSERT INTO other VALUES (1)")
	require.NoError(t, err)
}

// scrapeWork is the work of one scrape of a database of so many jobs and runs,
// right after a commit. The store has seen the database before that.
func scrapeWork(t *testing.T, rows int, s setting) work {
	t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 program, which counts the steps of a statement (Debian: apt-get install sqlite3)")
	}
	path := filepath.Join(t.TempDir(), "orchestrator.db")
	db := busyDatabase(t, path, rows)
	_, err = db.Exec(s.before)
	require.NoError(t, err)
	store := openStore(t, path, time.Minute, Options{MaxRows: 10_000, Exact: s.exact})
	scrape := func() {
		if s.check != nil {
			s.check(t, store)
		} else {
			scrapeAll(t, store)
		}
	}
	statements := capture(t, store)
	s.commit(t, db)
	scrape()
	s.commit(t, db)
	scrape() // what was new at the first scrape is no longer
	s.commit(t, db)
	statements() // forgotten
	scrape()
	return run(t, program, path, statements())
}

// capture keeps the statements that a store runs, with their parameters in place.
// The function returns them and begins anew.
func capture(t *testing.T, store *Store) func() []string {
	t.Helper()
	var mu sync.Mutex
	var statements []string
	keep := func(tx *gorm.DB) {
		mu.Lock()
		defer mu.Unlock()
		// Not the dialect's own Explain: it quotes texts as names.
		statements = append(statements, logger.ExplainSQL(tx.Statement.SQL.String(), nil, `'`, tx.Statement.Vars...))
	}
	conn, _, err := store.engine.Connect(t.Context()) // all sessions of an engine have the same callbacks
	require.NoError(t, err)
	defer conn.Close()
	callback := conn.Session(t.Context()).Callback()
	require.NoError(t, callback.Row().After("gorm:row").Register("capture", keep))
	require.NoError(t, callback.Query().After("gorm:query").Register("capture", keep))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		taken := statements
		statements = nil
		return taken
	}
}

// isBusy checks that all is read of a busy database.
func isBusy(t *testing.T, store *Store) {
	t.Helper()
	read := scrapeAll(t, store)
	require.NoError(t, read.err)
	require.Equal(t, []int{20, 5, 4}, []int{read.tasks, read.queued, read.running})
}

// scraped is how much was read.
type scraped struct {
	tasks, queued, running int
	err                    error
}

// scrapeAll reads all sources in one view.
func scrapeAll(t *testing.T, store *Store) scraped {
	t.Helper()
	ctx, end := store.View(t.Context())
	defer end()
	tasks, err1 := store.ActiveTasks(ctx)
	counts, err2 := store.StatusCounts(ctx)
	_, err3 := store.Retries(ctx)
	jobs, err4 := store.RunningJobs(ctx)
	_, err5 := store.CostTotals(ctx)
	return scraped{len(tasks.Value), int(counts.Value["queued"]), len(jobs.Value), errors.Join(err1, err2, err3, err4, err5)}
}

var (
	digits    = regexp.MustCompile(`-?\b\d+\b`)
	idList    = regexp.MustCompile(`#(,#)*`)
	statistic = regexp.MustCompile(`^(Fullscan Steps|Virtual Machine Steps): +(\d+)$`)
)

// run runs the statements in the sqlite3 program, which prints what each took.
func run(t *testing.T, program, path string, statements []string) work {
	t.Helper()
	require.NotEmpty(t, statements)
	var script strings.Builder
	script.WriteString(".bail on\n.mode quote\n.stats on\n")
	var done work
	for _, statement := range statements {
		// The program may be older than the function, which takes as many steps as
		// this one.
		script.WriteString(strings.ReplaceAll(statement, "octet_length(", "length(") + ";\n")
		done.statements = append(done.statements, idList.ReplaceAllString(digits.ReplaceAllString(statement, "#"), "#"))
	}
	cmd := exec.CommandContext(t.Context(), program, "-batch", "-readonly", path)
	cmd.Stdin = strings.NewReader(script.String())
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)

	measured := 0
	inRows := true
	for line := range strings.Lines(string(output)) {
		found := statistic.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(line, "Memory Used:"): // the first of a statement's statistics
			inRows = false
			measured++
		case inRows:
			done.rows++
		case strings.HasPrefix(line, "'"), strings.HasPrefix(line, "NULL"), line[0] >= '0' && line[0] <= '9':
			inRows = true
			done.rows++
		case found != nil && found[1] == "Fullscan Steps":
			done.scanned += toInt(t, found[2])
		case found != nil:
			done.steps += toInt(t, found[2])
		}
	}
	require.Equal(t, len(statements), measured, "%s", output)
	return done
}

func toInt(t *testing.T, written string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(written, 10, 64)
	require.NoError(t, err)
	return n
}

// busyDatabase has so many jobs and runs and a quarter as many tasks, of which
// 20 tasks are active, 4 jobs run and 5 are queued, and some of the last runs have
// no report. What is near the end is the same whatever is before it. It stays open until the test ends.
func busyDatabase(t *testing.T, path string, rows int) *sql.DB {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("..", "..", "tests", "testdata", "schema.sql"))
	require.NoError(t, err)
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=OFF")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1)
	const from = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO %s FROM n;`
	insert := func(rows int, into string) string { return fmt.Sprintf(from, rows, into) }
	_, err = db.Exec(string(schema) + `CREATE INDEX idx_tasks_stage ON tasks(stage);` +
		insert(rows/4, fmt.Sprintf(`tasks (id, stage) SELECT i, CASE WHEN i > %d THEN 'review' WHEN i %% 9 THEN 'done' ELSE 'cancelled' END`, rows/4-20)) +
		insert(rows, fmt.Sprintf(`jobs (id, status, attempts, run_id, started_at) SELECT i, CASE WHEN i > %d THEN 'queued' WHEN i > %d THEN 'running'
			WHEN i %% 10 THEN 'done' ELSE 'failed' END, i %% 3, i, datetime(i, 'unixepoch')`, rows-5, rows-9)) +
		insert(rows-5, fmt.Sprintf(`agent_runs (id, finished_at, cost_usd, input_tokens) SELECT i, CASE WHEN i <= %d THEN datetime(i, 'unixepoch') END,
			CASE WHEN i <= %[1]d AND (i %% 100 OR i < %d) THEN i / 8.0 END, i`, rows-9, rows-500)))
	require.NoError(t, err)
	return db
}

// commit is what an orchestrator does between two scrapes: a job ends, the next
// one starts, one is queued; a task moves on, one is done and one comes.
func commit(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.Exec(`BEGIN;
		UPDATE agent_runs SET finished_at = datetime('now'), cost_usd = 1.5 WHERE id = (SELECT run_id FROM jobs WHERE status = 'running' ORDER BY id LIMIT 1);
		UPDATE jobs SET status = 'done' WHERE id = (SELECT id FROM jobs WHERE status = 'running' ORDER BY id LIMIT 1);
		INSERT INTO agent_runs (input_tokens) VALUES (NULL);
		UPDATE jobs SET status = 'running', attempts = 1, run_id = (SELECT max(id) FROM agent_runs) WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY id LIMIT 1);
		INSERT INTO jobs (status) VALUES ('queued');
		UPDATE tasks SET stage = 'testing' WHERE id = (SELECT max(id) FROM tasks);
		UPDATE tasks SET stage = 'done' WHERE id = (SELECT min(id) FROM tasks WHERE stage IN ('review','testing','analysis'));
		INSERT INTO tasks (stage) VALUES ('analysis');
		COMMIT;`)
	require.NoError(t, err)
}
