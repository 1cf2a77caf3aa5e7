package sqlstore

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// history is how many rows the databases have that are replaced here: enough that
// most of them are cold.
const history = 10_000

// perBlockSlow is so long that a rotation takes several polls.
const perBlockSlow = 20 * time.Millisecond

// honest polls, and tells whether all is right, or said not to be.
func (w *watched) honest(sums func() []string) (right, honest bool) {
	w.t.Helper()
	w.now = w.now.Add(5 * time.Second)
	got := w.poll()
	known := errors.Is(got.err, domain.CodeRecounting) || errors.Is(got.err, domain.CodeCounting)
	if !known {
		require.NoError(w.t, got.err)
	}
	right = w.equal(got, sums())
	return right, right || known
}

// requireHonest expects no answer that is wrong and does not say so, and the right
// one in the end.
func (w *watched) requireHonest() {
	w.t.Helper()
	right := false
	for i := range 4 {
		var honest bool
		right, honest = w.honest(w.sums)
		require.True(w.t, honest, "poll %d", i)
	}
	require.True(w.t, right, "not even in the end")
}

// copyFile copies the content of a file into another one, which stays the same file.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

// editOne changes one old row, which is the same in no backup.
func (w *watched) editOne() {
	w.do("UPDATE agent_runs SET cost_usd = coalesce(cost_usd, 0) + 1 WHERE id = %d", w.random.IntN(history/2))
}

// TestReplaced: where the file or its log tells that the database was replaced, or put
// back to an older state, not one answer mixes the two and says that it is right. One
// old row makes the difference, which no rotation finds at once.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(t *testing.T, w *watched, backup string){
		"copied over, at rest": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			w.stop()
			copyFile(t, backup, w.path)
		},
		"copied over, and started": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			w.stop()
			copyFile(t, backup, w.path)
			w.run("INSERT INTO jobs (status) VALUES ('queued')")
		},
		"copied over, and opened": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			w.stop()
			copyFile(t, backup, w.path)
			w.run("SELECT 1 FROM jobs LIMIT 1") // there is a log, and nothing in it
		},
		"moved over": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			w.stop()
			require.NoError(t, os.Rename(backup, w.path))
		},
		"made anew": func(t *testing.T, w *watched, _ string) {
			t.Helper()
			w.stop()
			require.NoError(t, os.Remove(w.path))
			require.NoError(t, os.Rename(newWorld(t, history, 1).path, w.path))
		},
		"cut to nothing and made anew": func(t *testing.T, w *watched, _ string) {
			t.Helper()
			w.stop()
			copyFile(t, newWorld(t, history, 1).path, w.path)
		},
		"vacuumed": func(_ *testing.T, w *watched, _ string) {
			w.run("DROP TABLE tasks", "VACUUM", "CREATE TABLE tasks (id INTEGER PRIMARY KEY, stage TEXT)")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, history, 1)
			w.perBlock = perBlockSlow
			w.commit() // the orchestrator runs
			w.requireHonest()
			for range 2 {
				w.stop()
				backup := filepath.Join(t.TempDir(), "backup.db")
				copyFile(t, w.path, backup)
				w.editOne()
				w.commit()
				w.requireFound(false, w.now)
				replace(t, w, backup)
				w.requireHonest()
			}
		})
	}
}

// TestReplaced_Untold: where neither tells, it is found within one rotation, as any
// change of history, and at once if much differs.
func TestReplaced_Untold(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(t *testing.T, w *watched, backup string){
		"copied over beside the log": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			w.run("PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO tasks (stage) VALUES ('s')")
			w.writer.kill()
			w.writer = nil
			copyFile(t, backup, w.path)
		},
		"restored": func(t *testing.T, w *watched, backup string) {
			t.Helper()
			if _, err := exec.LookPath("sqlite3"); err != nil {
				t.Skip("needs the sqlite3 program, which restores (Debian: apt-get install sqlite3)")
			}
			output, err := exec.CommandContext(t.Context(), "sqlite3", w.path, ".restore '"+backup+"'").CombinedOutput()
			require.NoError(t, err, "%s", output)
		},
		"emptied and filled": func(_ *testing.T, w *watched, _ string) {
			w.run("BEGIN", "DELETE FROM agent_runs", fmt.Sprintf(`INSERT INTO agent_runs (id, cost_usd, input_tokens)
				WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, i / 8.0, i FROM n`, history), "COMMIT")
		},
	} {
		for _, much := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", much), func(t *testing.T) {
				t.Parallel()
				w := watch(t, history, 1)
				w.perBlock = perBlockSlow
				w.commit()
				w.requireHonest()
				w.run("PRAGMA wal_checkpoint(TRUNCATE)")
				backup := filepath.Join(t.TempDir(), "backup.db")
				copyFile(t, w.path, backup)
				if w.editOne(); much {
					w.do("UPDATE agent_runs SET cost_usd = 1, input_tokens = 1")
				}
				w.commit()
				w.requireFound(much, w.now)
				replace(t, w, backup)
				w.requireFound(much, w.now)
			})
		}
	}
}

// requireFound expects that what was changed is found in time.
func (w *watched) requireFound(atOnce bool, changed time.Time) {
	w.t.Helper()
	pass := time.Duration(2*(history/rollup.BlockRows+1)) * w.perBlock
	rotation := int(pass/(50*time.Millisecond)) + 2
	found, sums := false, sync.OnceValue(w.sums) // nothing changes them from the first poll on
	for i := range 3 * rotation {
		right, honest := w.honest(sums)
		found = found || honest
		if found {
			require.True(w.t, honest, "poll %d: it was found, and is forgotten again", i)
			continue
		}
		require.False(w.t, right || atOnce, "poll %d", i)
		require.Less(w.t, i+1, rotation, "it is not found within a rotation")
		require.False(w.t, w.poll().countedAt.After(changed), "counted after what is not in the sums")
	}
}

// TestUsualManners: what an orchestrator does to its database all the time puts no sum
// in doubt, however long the history is.
func TestUsualManners(t *testing.T) {
	t.Parallel()
	for name, manner := range map[string]func(w *watched, poll int){
		"the newest job is deleted": func(w *watched, _ int) {
			w.queueJob()
			w.queueJob()
			w.deleteNewest()
		},
		"a table is made and dropped": func(w *watched, poll int) {
			w.do("CREATE TABLE other%d AS SELECT * FROM jobs LIMIT 100", poll)
			w.do("DROP TABLE other%d", poll)
		},
		"a column comes to another table": func(w *watched, poll int) { w.do("ALTER TABLE tasks ADD COLUMN other%d", poll) },
		"the log is emptied":              func(w *watched, _ int) { w.do("PRAGMA wal_checkpoint(TRUNCATE)") },
		"the log begins anew":             func(w *watched, _ int) { w.do("PRAGMA wal_checkpoint(RESTART)") },
		"it is analyzed":                  func(w *watched, _ int) { w.do("ANALYZE") },
		"history is pruned":               func(w *watched, _ int) { w.prune(100) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, history, 1)
			w.perBlock = 5 * perBlockSlow // of doubts at each poll what is saved up is soon spent
			require.NoError(t, w.poll().err)
			for i := range 30 {
				w.queueJob()
				manner(w, i)
				w.commit()
				w.now = w.now.Add(5 * time.Second)
				got := w.poll()
				require.NoError(t, got.err, "poll %d", i)
				require.True(t, w.right(got), "poll %d", i)
			}
		})
	}
}

// TestHabit: an orchestrator that opens a connection for each operation begins a new
// log each time. That is in doubt a few times and then no more, so that its sums are
// as any others; a change that is found counts all the same.
func TestHabit(t *testing.T) {
	t.Parallel()
	w := watch(t, 2*history, 1)
	w.perBlock = 2 * perBlockSlow // so that to look into it takes several polls
	require.NoError(t, w.poll().err)
	doubted := 0
	for i := range 60 {
		w.queueJob()
		w.stop()
		w.now = w.now.Add(5 * time.Second)
		if i%2 == 0 {
			w.queueJob()
			w.commit()
		}
		got := w.poll()
		if errors.Is(got.err, domain.CodeRecounting) {
			doubted++
			require.Less(t, i, 30, "the doubt never ends")
		} else {
			require.NoError(t, got.err)
			require.True(t, w.right(got))
		}
	}
	require.Positive(t, doubted)
	w.do("UPDATE jobs SET attempts = 7")
	w.stop()
	_, honest := w.honest(w.sums)
	require.True(t, honest)
}
