package chaos

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// held is how long a lock is held, which is longer than a section may take.
const held = 10 * time.Second

// disaster is something that happens to a database while it is polled.
type disaster struct {
	name string
	// cause brings it about, and returns what undoes it.
	cause func(t *testing.T, p *place, polled *poller) (cure func())
	// sees is the summary that some answer must have meanwhile.
	sees string
	// then is what the answers show afterwards; what they showed before, if empty.
	then string
}

var disasters = []disaster{
	{
		name: "replaced by rename",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			require.NoError(t, os.Rename(another(t, p), p.db))
			return func() {}
		},
		sees: shows("another"),
		then: shows("another"),
	},
	{
		name: "replaced by a symbolic link",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			link := p.db + ".link"
			require.NoError(t, os.Symlink(another(t, p), link))
			require.NoError(t, os.Rename(link, p.db))
			return func() {}
		},
		sees: shows("another"),
		then: shows("another"),
	},
	{
		name: "deleted",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			p.remove(t, p.db)
			return func() { p.seed(t) }
		},
		sees: failsWith("db_missing"),
	},
	{
		name: "turned into a directory",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			p.remove(t, p.db)
			require.NoError(t, os.Mkdir(p.db, 0o755))
			return func() { reseed(t, p) }
		},
		sees: failsWith("db_unreadable"),
	},
	{
		name: "turned into a FIFO",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			p.remove(t, p.db)
			require.NoError(t, fifo(p.db))
			return func() { reseed(t, p) }
		},
		sees: failsWith("db_unreadable"),
	},
	{
		name:  "with a FIFO for its journal",
		cause: withFIFO("-journal"),
		sees:  failsWith("db_unreadable"),
	},
	{
		name:  "with a FIFO for its log",
		cause: withFIFO("-wal"),
		sees:  failsWith("db_unreadable"),
	},
	{
		name:  "with a FIFO for its log's index",
		cause: withFIFO("-shm"),
		sees:  failsWith("db_unreadable"),
	},
	{
		name:  "truncated to nothing",
		cause: overwritten(func(content []byte) []byte { return content[:0] }),
		sees:  failsWith("schema_drift"),
	},
	{
		name:  "truncated in the middle of a page",
		cause: overwritten(func(content []byte) []byte { return content[:len(content)/2+100] }),
		sees:  failsWith("db_corrupt"),
	},
	{
		name: "overwritten with garbage",
		cause: overwritten(func(content []byte) []byte {
			for i := range content {
				content[i] = byte(i*i) ^ 0x5a
			}
			return content
		}),
		sees: failsWith("db_corrupt"),
	},
	{
		name: "overwritten with garbage, but for its header",
		cause: overwritten(func(content []byte) []byte {
			for i := 100; i < len(content); i++ {
				content[i] = byte(i*i) ^ 0x5a
			}
			return content
		}),
		sees: failsWith("db_corrupt"),
	},
	{
		name: "closed to everybody",
		cause: func(t *testing.T, p *place, _ *poller) func() {
			require.NoError(t, os.Chmod(p.db, 0))
			return func() { require.NoError(t, os.Chmod(p.db, 0o644)) }
		},
		sees: failsWith("db_permission"),
	},
	{
		name: "locked with a rollback journal",
		cause: locked(func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.journal("delete")
			o.run("BEGIN EXCLUSIVE; UPDATE tasks SET repo='locked';")
			return o
		}),
		sees: failsWith("db_busy"),
	},
	{
		name: "locked in WAL mode",
		cause: locked(func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.run("BEGIN EXCLUSIVE; UPDATE tasks SET repo='locked';")
			return o
		}),
		sees: shows("first"),
	},
	{
		name: "in WAL mode for one process only",
		cause: locked(func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.run("PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; UPDATE tasks SET work_item_id='ORCH-8'; COMMIT;")
			return o
		}),
		sees: failsWith("db_not_live"), // there is a log, and its index is in that process
	},
	{
		name: "switched to a rollback journal",
		cause: func(t *testing.T, p *place, polled *poller) func() {
			o := start(t, p)
			o.journal("delete")
			o.mark("without a log")
			polled.more(t, 3)
			return func() { o.journal("wal"); o.mark("first") }
		},
		sees: shows("without a log"),
	},
	{
		name: "migrated: a column added",
		cause: migrated("ALTER TABLE jobs ADD COLUMN priority INTEGER DEFAULT 0; UPDATE tasks SET repo='migrated';",
			"UPDATE tasks SET repo='first';"),
		sees: shows("migrated"),
	},
	{
		name:  "migrated: a column dropped",
		cause: migrated("ALTER TABLE jobs DROP COLUMN attempts;", "ALTER TABLE jobs ADD COLUMN attempts INTEGER DEFAULT 2;"),
		sees:  "queue degraded schema_drift, shows first",
	},
	{
		name:  "migrated: a table renamed",
		cause: migrated("ALTER TABLE tasks RENAME TO tasks_old;", "ALTER TABLE tasks_old RENAME TO tasks;"),
		sees:  "stages failed schema_drift",
	},
	{
		name:  "migrated: rebuilt by VACUUM",
		cause: migrated("UPDATE tasks SET repo='rebuilt'; VACUUM;", "UPDATE tasks SET repo='first'; VACUUM;"),
		sees:  shows("rebuilt"),
	},
	{
		name: "its writer killed again and again",
		cause: func(t *testing.T, p *place, polled *poller) func() {
			for range 5 {
				o := start(t, p)
				o.mark("committed")
				o.run("BEGIN; UPDATE tasks SET repo='uncommitted';")
				polled.more(t, 1)
				o.kill()
				polled.more(t, 1)
			}
			return func() { start(t, p).mark("first") }
		},
		sees: shows("committed"),
	},
}

// withFIFO puts a FIFO beside the database.
func withFIFO(suffix string) func(*testing.T, *place, *poller) func() {
	return func(t *testing.T, p *place, _ *poller) func() {
		require.NoError(t, fifo(p.db+suffix))
		return func() { p.remove(t, p.db+suffix) }
	}
}

// another makes another database beside the one of the place.
func another(t *testing.T, p *place) string {
	t.Helper()
	other := &place{dir: p.dir, db: filepath.Join(p.dir, "another.db"), owner: p.owner}
	other.seed(t)
	o := start(t, other)
	o.mark("another")
	o.stop()
	return other.db
}

// overwritten changes the content of the file in its place.
func overwritten(change func([]byte) []byte) func(*testing.T, *place, *poller) func() {
	return func(t *testing.T, p *place, _ *poller) func() {
		before, err := os.ReadFile(p.db)
		require.NoError(t, err)
		p.write(t, p.db, change(append([]byte(nil), before...)))
		return func() { p.write(t, p.db, before) }
	}
}

// locked holds what an orchestrator has locked for a while.
func locked(lock func(*testing.T, *place) *orchestrator) func(*testing.T, *place, *poller) func() {
	return func(t *testing.T, p *place, _ *poller) func() {
		o := lock(t, p)
		time.Sleep(held)
		return o.end // rolls back
	}
}

// migrated runs one script, and another to undo it.
func migrated(script, undo string) func(*testing.T, *place, *poller) func() {
	return func(t *testing.T, p *place, _ *poller) func() {
		o := start(t, p)
		o.run("%s", script)
		return func() { o.run("%s", undo) }
	}
}

// TestAnsweredThroughDisasters: while the database is polled, all kinds of things
// happen to it. Every answer is 200 and valid JSON, in time, and the data is back
// by the second scrape after the cause is gone.
func TestAnsweredThroughDisasters(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() {
		answered.measuredf(t, "the slowest of %d answers took %s; a section may take %s", slowest.n, slowest.longest, timeout)
	})
	for _, d := range disasters {
		answered.try(t, d.name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t)
			s := serve(t, p, within(timeout))
			require.Equal(t, shows("first"), s.metrics().summary())
			polled := poll(s, 50*time.Millisecond)
			cure := d.cause(t, p, polled)
			polled.more(t, 3)
			cure()
			s.metrics()
			after := s.metrics().summary()
			found := polled.end()

			want := d.then
			if want == "" {
				want = shows("first")
			}
			assert.Equal(t, want, after, "%s", s.logged())
			assert.Empty(t, found.faults)
			assert.Contains(t, found.seen, d.sees)
			slowest.note(found)
			assert.LessOrEqual(t, found.longest, timeout+timeout/10)
			t.Logf("%d polls, the slowest %s: %v", found.n, found.longest, found.seen)
		})
	}
}
