package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

// flooded is a store in the middle of a flood, whose clock stands still.
func flooded(t testing.TB, path string) *Store {
	t.Helper()
	store := newStore(t, path)
	instant := time.Now()
	store.flood.now = func() time.Time { return instant }
	for range inFlood + 2 {
		scrape(t, store)
	}
	return store
}

// opens tells how often a store opens the database meanwhile.
func opens(s *Store, fn func()) int {
	before := s.begun
	fn()
	return int(s.begun - before)
}

// once is how often a state is opened to be read: a database with a rollback
// journal is first asked for its mode.
var once = map[string]int{walMode: 1, deleteMode: 2}

func TestFlood_ReadsEachStateOnce(t *testing.T) {
	t.Parallel()
	for mode, once := range once {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, mode, script(t, "busy.sql"))
			writer := startWriter(t, path)
			writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
			store := flooded(t, path)
			for range 5 {
				writer.run("INSERT INTO tasks (stage) VALUES ('s')", "INSERT INTO jobs (status) VALUES ('queued')")
				want := results(t, newStore(t, path))
				assert.Equal(t, once, opens(store, func() {
					for range 20 {
						require.Equal(t, want, results(t, store))
					}
				}), "a commit is read once, and seen at once")
			}
		})
	}
}

// TestFlood_NothingIsMissed: whatever is done to the database, the next scrape
// shows it.
func TestFlood_NothingIsMissed(t *testing.T) {
	t.Parallel()
	for mode := range once {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, mode, script(t, "busy.sql"))
			writer := startWriter(t, path)
			writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
			store := flooded(t, path)
			for _, statement := range []string{
				"INSERT INTO tasks (stage) VALUES ('s')",
				"BEGIN; DELETE FROM jobs; INSERT INTO jobs (status) VALUES ('queued'); COMMIT",
				"PRAGMA wal_checkpoint(TRUNCATE)",
				"UPDATE tasks SET repo = 'other'",
				"ALTER TABLE tasks ADD COLUMN extra",
				"VACUUM",
				"DELETE FROM tasks WHERE id = 7",
				"PRAGMA journal_mode = DELETE",
				"UPDATE tasks SET repo = 'after the change of mode'",
				"PRAGMA journal_mode = WAL",
				"DELETE FROM tasks",
			} {
				store.flood.expire() // a change of mode waits for the last reader
				writer.run(statement)
				want := results(t, newStore(t, path))
				require.Equal(t, want, results(t, store), statement)
				scrape(t, store) // so that it is kept again
			}
		})
	}
}

func TestFlood_FileIsNoLongerTheSame(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := flooded(t, path)
	other := newDB(t, deleteMode)
	require.NoError(t, os.Rename(other, path))
	require.NoError(t, os.Remove(path+"-wal"))
	requireTasks(t, 0, store)

	path = newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store = flooded(t, path)
	require.NoError(t, os.WriteFile(path, []byte("garbage"), 0o600))
	_, err := store.ActiveTasks(t.Context())
	require.Error(t, err, "what is written by another program shows too")

	path = newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store = flooded(t, path)
	require.NoError(t, os.Remove(path))
	_, err = store.ActiveTasks(t.Context())
	require.ErrorIs(t, err, domain.CodeDBMissing)
}

// live has the database open in another process from now on.
func live(t *testing.T, path string) *writer {
	t.Helper()
	writer := startWriter(t, path)
	writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
	return writer
}

// TestFlood_Ends: soon after a flood the orchestrator is alone with its database.
func TestFlood_Ends(t *testing.T) {
	t.Parallel()
	require.Less(t, linger, 250*time.Millisecond)
	path := newDB(t, walMode, script(t, "busy.sql"))
	writer := live(t, path)
	flooded(t, path)
	require.Eventually(t, func() bool { return len(descriptors(t, path)) == 0 }, patient, often)
	writer.stop()
	assert.Equal(t, []string{filepath.Base(path)}, names(t, filepath.Dir(path)), "the log is gone")
}

// TestNoFlood_NothingIsKept: a scrape now and then leaves nothing open.
func TestNoFlood_NothingIsKept(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := newStore(t, path)
	now := time.Now()
	store.flood.now = func() time.Time { return now }
	for range 3 * inFlood {
		now = now.Add(closeTogether)
		scrape(t, store)
		require.Empty(t, descriptors(t, path))
	}
}

// TestFlood_Falters: a pause that the connection outlives does not end a flood, and
// a longer one does.
func TestFlood_Falters(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := flooded(t, path)
	last := store.flood.now()
	store.flood.now = func() time.Time { return last.Add(linger - 1) }
	store.flood.begins()
	assert.True(t, store.flood.on())
	store.flood.now = func() time.Time { return last.Add(2*linger - 1) }
	store.flood.begins()
	assert.False(t, store.flood.on())
}

// TestFlood_ReadsAgainAfterAWhile: what a recount finds in rows that were changed
// by hand is no commit.
func TestFlood_ReadsAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := newStore(t, path)
	now := time.Now()
	store.flood.now = func() time.Time { return now }
	for range 2 * inFlood {
		scrape(t, store)
	}
	assert.Zero(t, opens(store, func() { scrape(t, store) }))
	store.flood.kept.read = now.Add(-keepFor)
	assert.Equal(t, 1, opens(store, func() { scrape(t, store) }))
}

// TestFlood_PartOfAStateIsNotUsed: a view either needs no connection or has one
// for all its readings.
func TestFlood_PartOfAStateIsNotUsed(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	writer := live(t, path)
	store := flooded(t, path)
	view, end := store.View(t.Context())
	_, err := store.ActiveTasks(view)
	require.NoError(t, err)
	writer.run("INSERT INTO jobs (status) VALUES ('running')")
	jobs, err := store.RunningJobs(view)
	require.NoError(t, err)
	assert.Len(t, jobs.Value, 4, "what was begun goes on")
	end()

	view, end = store.View(t.Context())
	_, err = store.ActiveTasks(view) // and nothing else
	require.NoError(t, err)
	end()
	assert.Equal(t, 1, opens(store, func() { scrape(t, store) }))
	assert.Zero(t, opens(store, func() { scrape(t, store) }))
}

func TestFlood_ExactReadsAlways(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store, err := New(path, Options{MaxRows: 100, Budget: time.Second, Exact: true})
	require.NoError(t, err)
	instant := time.Now()
	store.flood.now = func() time.Time { return instant }
	const scrapes = 2 * inFlood
	assert.Equal(t, scrapes, opens(store, func() {
		for range scrapes {
			scrape(t, store)
		}
	}))
	assert.Empty(t, descriptors(t, path))
}

// flooding is a store in the middle of a flood that knows its database already.
func flooding(t testing.TB, data portstest.Data) *Store {
	t.Helper()
	path := loaded(t, data).path
	startWriter(t, path).run("SELECT count(*) FROM tasks") // and stays
	store := flooded(t, path)
	require.Zero(t, opens(store, func() { scrape(t, store) }))
	return store
}

// TestFlood_AtRest: a stopped orchestrator's database is read once, without a
// connection that stays.
func TestFlood_AtRest(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	store := newStore(t, path)
	now := time.Now().Add(time.Minute) // the file is old enough
	store.flood.now = func() time.Time { return now }
	for range inFlood + 2 {
		scrape(t, store)
	}
	assert.Zero(t, opens(store, func() { scrape(t, store) }))
	assert.Empty(t, descriptors(t, path))
	writer := startWriter(t, path)
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	requireTasks(t, 5, store)
	writer.stop()
	requireTasks(t, 5, store)

	store = newStore(t, path)
	now = time.Now() // the file was just written
	store.flood.now = func() time.Time { return now }
	for range inFlood + 2 {
		scrape(t, store)
	}
	assert.NotZero(t, opens(store, func() { scrape(t, store) }), "too soon after the last change")
}

// TestFlood_Narrowed: those who ask for less share what is known.
func TestFlood_Narrowed(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := flooded(t, path)
	whole, endWhole := store.View(t.Context())
	narrow, endNarrow := store.View(t.Context())
	assert.Zero(t, opens(store, func() {
		for _, ctx := range []context.Context{whole, narrow} {
			tasks, err := store.ActiveTasks(ctx)
			require.NoError(t, err)
			assert.Len(t, tasks.Value, 4)
		}
		endNarrow()
		_, err := store.RunningJobs(whole)
		require.NoError(t, err)
		endWhole()
		scrape(t, store)
	}))
}

// TestFlood_OfSlowScrapes: what counts is the pause between scrapes, however long
// they take.
func TestFlood_OfSlowScrapes(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := newStore(t, path)
	now := time.Now()
	store.flood.now = func() time.Time { return now }
	for range inFlood + 2 {
		ctx, end := store.View(t.Context())
		_, err := store.ActiveTasks(ctx)
		require.NoError(t, err)
		now = now.Add(2 * closeTogether)
		end()
	}
	assert.True(t, store.flood.on())
}

// TestFlood_TimesSetBack: whoever overwrites the file and sets its time back does
// not hide it.
func TestFlood_TimesSetBack(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	live(t, path)
	store := flooded(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close() // later: it would drop SQLite's locks on the file
	_, err = file.WriteAt(make([]byte, 100), 0)
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	require.Error(t, results(t, store)["stages"].err)
}
