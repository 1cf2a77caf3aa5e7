package sqlstore

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

// age makes the files of a database look as if they had last been written a while
// ago.
func age(t testing.TB, path string, by time.Duration) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); err == nil {
			then := time.Now().Add(-by)
			require.NoError(t, os.Chtimes(path+suffix, then, then))
		}
	}
}

// known is a store that knows its database already.
func known(t testing.TB, data portstest.Data) *Store {
	t.Helper()
	store := loaded(t, data)
	age(t, store.path, time.Minute)
	scrape(t, store)
	found, err := inspect(store.path)
	require.NoError(t, err)
	require.Len(t, store.cache.of(found), int(sources))
	return store
}

// reads tells whether a scrape opens the database.
func reads(t *testing.T, s *Store) bool {
	t.Helper()
	ctx, end := s.View(t.Context())
	defer end()
	_, err := s.ActiveTasks(ctx)
	require.NoError(t, err)
	return len(descriptors(t, s.path)) > 0
}

func TestUnchangedDatabaseIsNotReadAgain(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	writer := startWriter(t, path)
	writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
	store := newStore(t, path)
	scrape(t, store)
	assert.True(t, reads(t, store), "too soon after the last change")
	age(t, path, 2*quiet)
	scrape(t, store)
	assert.False(t, reads(t, store))
	before := results(t, store)
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	assert.True(t, reads(t, store), "a commit")
	requireTasks(t, 5, store)
	requireOthersEqual(t, before, results(t, store), "stages")
}

// TestCommitThatIsNotVisibleYet: between its last byte and the moment at which it
// counts, a commit leaves no other trace in the files. What was read then must
// not be taken for the state after it for long.
func TestCommitThatIsNotVisibleYet(t *testing.T) {
	t.Parallel()
	now := time.Now()
	written := now.Add(-time.Second)
	path := newDB(t, walMode)
	require.NoError(t, os.Chtimes(path, written, written))
	found, err := inspect(path)
	require.NoError(t, err)
	assert.False(t, found.settled(), "a second is too short for a commit to disk")

	age(t, path, time.Minute)
	store := newStore(t, path)
	scrape(t, store)
	found, err = inspect(path)
	require.NoError(t, err)
	assert.NotEmpty(t, store.cache.of(found))
	found.at = found.at.Add(keepFor)
	assert.Empty(t, store.cache.of(found), "after a while it must be read again")
}

// TestPartOfAStateIsNotUsed: a view either needs no connection or has one for all
// its readings.
func TestPartOfAStateIsNotUsed(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	age(t, path, time.Minute)
	store := newStore(t, path)
	requireTasks(t, 4, store)
	assert.True(t, reads(t, store), "only one of the sources is known")

	writer := startWriter(t, path)
	writer.run("UPDATE tasks SET repo = 'web' WHERE id = 7")
	age(t, path, time.Minute)
	requireTasks(t, 4, store)
	view, end := store.View(t.Context())
	defer end()
	_, err := store.ActiveTasks(view)
	require.NoError(t, err)
	writer.run("INSERT INTO jobs (status) VALUES ('running')")
	jobs, err := store.RunningJobs(view)
	require.NoError(t, err, "a commit between two readings is no failure")
	assert.Len(t, jobs.Value, 4)
}

func TestExactReadsAlways(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	age(t, path, time.Minute)
	store, err := New(path, Options{MaxRows: 100, Budget: time.Second, Exact: true})
	require.NoError(t, err)
	scrape(t, store)
	assert.True(t, reads(t, store))
}
