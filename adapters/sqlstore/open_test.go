package sqlstore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// requireTasks expects so many active tasks.
func requireTasks(t *testing.T, want int, s *Store) {
	t.Helper()
	got, err := s.ActiveTasks(t.Context())
	require.NoError(t, err)
	require.Len(t, got.Value, want)
}

// requireCode expects every source to fail with a code and nothing else.
func requireCode(t *testing.T, code domain.Code, s *Store) {
	t.Helper()
	for name, got := range results(t, s) {
		var shown domain.Code // the first that is found is what the envelope shows
		require.ErrorAs(t, got.err, &shown, name)
		require.Equal(t, code, shown, "%s: %v", name, got.err)
		require.Empty(t, got.value, name)
	}
}

// requireUntouched runs fn and expects the directory to be as before.
func requireUntouched(t *testing.T, path string, fn func()) {
	t.Helper()
	before := listing(t, filepath.Dir(path))
	fn()
	require.Empty(t, descriptors(t, path))
	require.Equal(t, before, listing(t, filepath.Dir(path)))
}

func TestMissingThenThereThenReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "folder", "orch.db")
	store := newStore(t, path)
	requireCode(t, domain.CodeDBMissing, store)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	requireUntouched(t, path, func() { requireCode(t, domain.CodeDBMissing, store) })

	createDB(t, path, walMode, script(t, "schema.sql"), script(t, "busy.sql"))
	requireTasks(t, 4, store)

	other := newDB(t, walMode, "INSERT INTO tasks (id, stage) VALUES (1, 's')")
	view, end := store.View(t.Context())
	defer end()
	tasks, err := store.ActiveTasks(view)
	require.NoError(t, err)
	require.Len(t, tasks.Value, 4)
	require.NoError(t, os.Rename(other, path))
	requireTasks(t, 1, store)

	require.NoError(t, os.Remove(path))
	requireCode(t, domain.CodeDBMissing, store)
}

// TestChangedWhileReadAtRest: a database at rest that is replaced while it is being
// read gives no data, since nobody can say which of the two was read.
func TestChangedWhileReadAtRest(t *testing.T) {
	t.Parallel()
	changes := map[string]func(t *testing.T, path string){
		"replaced": func(t *testing.T, path string) {
			require.NoError(t, os.Rename(newDB(t, walMode), path))
		},
		"removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"written": func(t *testing.T, path string) {
			startWriter(t, path).run("INSERT INTO tasks (stage) VALUES ('s')")
		},
		"written and closed again": func(t *testing.T, path string) {
			writer := startWriter(t, path)
			writer.run("INSERT INTO tasks (stage) VALUES ('s')")
			writer.stop()
		},
		"truncated": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 4096)) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode, script(t, "busy.sql"))
			store := newStore(t, path)
			view, end := store.View(t.Context())
			defer end()
			tasks, err := store.ActiveTasks(view)
			require.NoError(t, err)
			require.Len(t, tasks.Value, 4)
			change(t, path)
			for _, got := range []result{of(store.ActiveTasks(view)), of(store.RunningJobs(view)), of(store.CostTotals(view))} {
				require.ErrorIs(t, got.err, domain.CodeDBBusy)
				assert.Empty(t, got.value)
			}
		})
	}
}

func TestAtRest(t *testing.T) {
	t.Parallel()
	t.Run("without sidecars", func(t *testing.T) {
		t.Parallel()
		path := newDB(t, walMode, script(t, "busy.sql"))
		requireUntouched(t, path, func() { requireTasks(t, 4, newStore(t, path)) })
		assert.Equal(t, []string{"orch.db"}, names(t, filepath.Dir(path)))
	})
	for _, sidecars := range [][]string{{"-wal"}, {"-shm"}, {"-wal", "-shm"}} {
		t.Run(fmt.Sprint("with empty ", sidecars), func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode, script(t, "busy.sql"))
			for _, suffix := range sidecars {
				require.NoError(t, os.WriteFile(path+suffix, nil, 0o600))
			}
			requireUntouched(t, path, func() { requireTasks(t, 4, newStore(t, path)) })
			writer := startWriter(t, path)
			writer.run("INSERT INTO tasks (stage) VALUES ('s')")
			requireTasks(t, 5, newStore(t, path))
		})
	}
	t.Run("live, with an empty log of another mode", func(t *testing.T) {
		t.Parallel()
		path := newDB(t, walMode, script(t, "busy.sql"))
		writer := startWriter(t, path)
		writer.run("INSERT INTO tasks (stage) VALUES ('s')", "PRAGMA wal_checkpoint(TRUNCATE)")
		require.NoError(t, os.Chmod(path+"-wal", 0o600))
		requireUntouched(t, path, func() { requireTasks(t, 5, newStore(t, path)) })
		writer.run("INSERT INTO tasks (stage) VALUES ('s')")
		requireTasks(t, 6, newStore(t, path))
	})
	t.Run("then live", func(t *testing.T) {
		t.Parallel()
		path := newDB(t, walMode, script(t, "busy.sql"))
		store := newStore(t, path)
		requireTasks(t, 4, store)
		writer := startWriter(t, path)
		writer.run("INSERT INTO tasks (stage) VALUES ('s')")
		requireUntouched(t, path, func() { requireTasks(t, 5, store) })
		writer.run("INSERT INTO tasks (stage) VALUES ('s')")
		requireTasks(t, 6, store)
		writer.stop()
		assert.Equal(t, []string{"orch.db"}, names(t, filepath.Dir(path)), "the orchestrator must tidy up as if it were alone")
		requireUntouched(t, path, func() { requireTasks(t, 6, store) })
	})
}

func TestAfterACrash(t *testing.T) {
	t.Parallel()
	crashed := func(t *testing.T) string {
		t.Helper()
		path := newDB(t, walMode, script(t, "busy.sql"))
		writer := startWriter(t, path)
		writer.run("INSERT INTO tasks (stage) VALUES ('committed')", "BEGIN", "INSERT INTO tasks (stage) VALUES ('not committed')")
		writer.kill()
		require.Equal(t, []string{"orch.db", "orch.db-shm", "orch.db-wal"}, names(t, filepath.Dir(path)))
		return path
	}
	recovers := func(t *testing.T, path string) {
		t.Helper()
		writer := startWriter(t, path)
		assert.Equal(t, []string{"5"}, writer.run("SELECT count(*) FROM tasks WHERE stage NOT IN ('done','cancelled')"))
		writer.run("INSERT INTO tasks (stage) VALUES ('s')")
		requireTasks(t, 6, newStore(t, path))
	}
	t.Run("with the log and its index", func(t *testing.T) {
		t.Parallel()
		path := crashed(t)
		requireUntouched(t, path, func() { requireTasks(t, 5, newStore(t, path)) })
		recovers(t, path)
	})
	t.Run("the index is missing", func(t *testing.T) {
		t.Parallel()
		path := crashed(t)
		require.NoError(t, os.Remove(path+"-shm"))
		requireUntouched(t, path, func() { requireCode(t, domain.CodeDBNotLive, newStore(t, path)) })
		recovers(t, path)
	})
	t.Run("a rollback journal", func(t *testing.T) {
		t.Parallel()
		path := newDB(t, deleteMode, script(t, "busy.sql"))
		writer := startWriter(t, path)
		writer.run("PRAGMA cache_size = 2", "BEGIN IMMEDIATE",
			"INSERT INTO tasks (stage, repo) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200) "+
				"SELECT 'not committed', hex(randomblob(2000)) FROM n")
		writer.kill()
		require.Equal(t, []string{"orch.db", "orch.db-journal"}, names(t, filepath.Dir(path)))
		requireUntouched(t, path, func() { requireCode(t, domain.CodeDBNotLive, newStore(t, path)) })
		assert.Equal(t, []string{"6"}, startWriter(t, path).run("SELECT count(*) FROM tasks"), "the orchestrator can still repair it")
		requireTasks(t, 4, newStore(t, path))
	})
}

func TestRollbackJournal(t *testing.T) {
	t.Parallel()
	path := newDB(t, deleteMode, script(t, "busy.sql"))
	store := newStore(t, path)
	requireUntouched(t, path, func() { requireTasks(t, 4, store) })
	writer := startWriter(t, path)
	writer.run("BEGIN IMMEDIATE", "INSERT INTO tasks (stage) VALUES ('s')")
	requireTasks(t, 4, store) // a writer that has not begun to write the file
	writer.run("COMMIT", "BEGIN EXCLUSIVE", "INSERT INTO tasks (stage) VALUES ('s')")
	began := time.Now()
	requireCode(t, domain.CodeDBBusy, store)
	assert.Less(t, time.Since(began), 3*time.Second, "a tenth of a second was granted; the driver's own is five")
	writer.run("COMMIT")
	requireTasks(t, 6, store)

	// One scrape must not drop the lock that another one holds: both are of this
	// process, and POSIX locks belong to processes.
	view, end := store.View(t.Context())
	tasks, err := store.ActiveTasks(view)
	require.NoError(t, err)
	require.Len(t, tasks.Value, 6)
	requireTasks(t, 6, store)
	require.ErrorContains(t, failure(writer.try("INSERT INTO tasks (stage) VALUES ('s')")), "locked", "the reader's lock is gone")
	end()
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	requireTasks(t, 7, store)
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		code domain.Code
	}{
		"a directory": {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, domain.CodeDBUnreadable},
		"garbage": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(fmt.Sprintf("%-8192s", "this is not a database")), 0o600))
		}, domain.CodeDBCorrupt},
		"a few bytes": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("SQLite"), 0o600))
		}, domain.CodeDBCorrupt},
		"no bytes": {func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }, domain.CodeSchemaDrift},
		"no bytes, and sidecars": {func(t *testing.T, path string) {
			for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
				require.NoError(t, os.WriteFile(path+suffix, nil, 0o600))
			}
		}, domain.CodeSchemaDrift},
		"no bytes, and a log": {func(t *testing.T, path string) {
			createDB(t, path, walMode, script(t, "schema.sql"))
			startWriter(t, path).run("INSERT INTO tasks (stage) VALUES ('s')")
			require.NoError(t, os.Truncate(path, 0))
		}, domain.CodeDBCorrupt},
		"cut off": {func(t *testing.T, path string) {
			createDB(t, path, deleteMode, script(t, "schema.sql"), script(t, "busy.sql"))
			require.NoError(t, os.Truncate(path, 5000))
		}, domain.CodeDBCorrupt},
		"cut off within the header": {func(t *testing.T, path string) {
			createDB(t, path, walMode, script(t, "schema.sql"))
			require.NoError(t, os.Truncate(path, 50))
		}, domain.CodeDBCorrupt},
		"no tables": {func(t *testing.T, path string) { createDB(t, path, walMode, "CREATE TABLE other (x)") }, domain.CodeSchemaDrift},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "orch.db")
			c.make(t, path)
			requireUntouched(t, path, func() { requireCode(t, c.code, newStore(t, path)) })
		})
	}
}

// TestOneTableIsCorrupt: the others can still be read.
func TestOneTableIsCorrupt(t *testing.T) {
	t.Parallel()
	path := newDB(t, deleteMode, script(t, "busy.sql"))
	want := results(t, newStore(t, path))
	page := ids(t, path, "SELECT rootpage FROM sqlite_schema WHERE name = 'agent_runs'")[0]
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("x", 4096)), 4096*(page-1))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	got := results(t, newStore(t, path))
	requireOthersEqual(t, want, got, "cost", "agents")
	for _, source := range []string{"cost", "agents"} {
		var shown domain.Code
		require.ErrorAs(t, got[source].err, &shown)
		assert.Equal(t, domain.CodeDBCorrupt, shown, source)
		assert.Empty(t, got[source].value, source)
	}
}
