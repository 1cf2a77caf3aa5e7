package perf

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // the orchestrator writes with it
)

// Histories keeps generated databases, since the large ones take a while.
type Histories struct {
	// Dir is where they are kept.
	Dir string
	// Schema is the file with the orchestrator's tables.
	Schema string
}

// Cached are the histories of this module's cache folder, which git ignores.
func Cached() (Histories, error) {
	root, err := Root()
	return Histories{
		Dir:    filepath.Join(root, ".cache", "perf"),
		Schema: filepath.Join(root, "tests", "testdata", "schema.sql"),
	}, err
}

// Copy writes a copy of a size's history to a path. The history is generated if
// this was not done yet.
func (h Histories) Copy(size Size, path string) error {
	history, err := h.get(size)
	if err != nil {
		return err
	}
	from, err := os.Open(history)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from) // by the kernel, which shares the blocks where it can
	if closing := to.Close(); err == nil {
		err = closing
	}
	return err
}

// get returns the path of a history.
func (h Histories) get(size Size) (string, error) {
	schema, err := os.ReadFile(h.Schema)
	if err != nil {
		return "", err
	}
	script := string(schema) + size.script()
	path := filepath.Join(h.Dir, fmt.Sprintf("jobs%d-runs%d-tasks%d-seed%d-%.4x.db",
		size.oldJobs(), size.oldRuns(), size.oldTasks(), size.Seed, sha256.Sum256([]byte(script))))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(h.Dir, 0o755); err != nil {
		return "", err
	}
	// Two processes may generate the same; each renames a whole one.
	unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(unfinished)
	if err := generate(unfinished, script); err != nil {
		return "", fmt.Errorf("generate %s: %w", path, err)
	}
	return path, os.Rename(unfinished, path)
}

// generate writes a database that is in WAL mode and at rest.
func generate(path, script string) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=OFF&_synchronous=OFF&_cache_size=-65536")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statements := range []string{"BEGIN;" + script + "COMMIT;", "PRAGMA journal_mode=WAL;"} {
		if _, err := db.Exec(statements); err != nil {
			return err
		}
	}
	return db.Close()
}

// script inserts what has ended. The numbers look random and are not: they are
// made of the row's id and the seed.
func (s Size) script() string {
	return s.insert("tasks", s.oldTasks(), `i, 'ORCH-' || i, 'repo-' || (r % 12), CASE WHEN r % 20 THEN 'done' ELSE 'cancelled' END,
		datetime(1750000000 + i * 120, 'unixepoch'), datetime(1750000000 + i * 120 + r % 86400, 'unixepoch')`) +
		s.insert("jobs", s.oldJobs(), `i, 1 + i / 4, 'repo-' || (r % 12), `+pick("r / 16", "analyst", "architect", "developer", "reviewer")+`,
		CASE WHEN r % 100 < 90 THEN 'done' WHEN r % 100 < 97 THEN 'failed' ELSE 'cancelled' END,
		1 + (r % 20 = 0) + (r % 200 = 0), 3, i, 1000 + r % 30000, datetime(1750000000 + i * 30, 'unixepoch'),
		datetime(1750000000 + i * 30 + r % 60, 'unixepoch'), datetime(1750000000 + i * 30 + 60 + r % 3600, 'unixepoch'),
		CASE WHEN r % 100 BETWEEN 90 AND 96 THEN 'exit status 1' END`) +
		// Of one run in a hundred there never was a report.
		s.insert("agent_runs", s.oldRuns(), `i, 1 + i / 4, `+pick("r / 16", "analyst", "architect", "developer", "reviewer")+`, `+
			pick("r / 64", "claude-opus-4-8", "claude-sonnet-4-6")+`, `+pick("r / 128", "low", "medium", "high")+`,
		datetime(1750000000 + i * 30, 'unixepoch'), datetime(1750000000 + i * 30 + 60 + r % 3600, 'unixepoch'), r % 100 BETWEEN 90 AND 96,
		CASE WHEN r % 100 <> 50 THEN (r % 4000) / 1024.0 END, CASE WHEN r % 100 <> 50 THEN r % 40000 END,
		CASE WHEN r % 100 <> 50 THEN r % 30000 END, CASE WHEN r % 100 <> 50 THEN r % 2000000 END, CASE WHEN r % 100 <> 50 THEN r % 200000 END`)
}

// insert fills a table with rows of an id i and a number r.
func (s Size) insert(table string, rows int64, values string) string {
	return fmt.Sprintf(`WITH RECURSIVE
		n(i) AS (SELECT 1 WHERE %[2]d > 0 UNION ALL SELECT i + 1 FROM n WHERE i < %[2]d),
		numbers(i, r) AS (SELECT i, ((i * 1103515245 + %[3]d * 69069 + 12345) %% 2147483647) >> 7 FROM n)
		INSERT INTO %[1]s SELECT %[4]s FROM numbers;`+"\n", table, rows, s.Seed, values)
}

// pick is an expression that is one of the words, by a number.
func pick(number string, words ...string) string {
	expr := fmt.Sprintf("CASE (%s) %% %d", number, len(words))
	for i, word := range words {
		expr += fmt.Sprintf(" WHEN %d THEN '%s'", i, word)
	}
	return expr + " END"
}
