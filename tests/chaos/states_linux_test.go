package chaos

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// state is one way in which an orchestrator can leave its files, or be at work
// on them.
type state struct {
	name string
	// arrange is given a WAL database at rest that shows "first". It returns the
	// orchestrator, if one is still at work.
	arrange func(t *testing.T, p *place) *orchestrator
	// open is set if that one is in the middle of a transaction.
	open bool
	// want is the summary of what is shown to who may read it.
	want string
	// absent is set where there is no file for rights to matter.
	absent bool
	// slow is set where each scrape waits for a lock.
	slow bool
	// renew brings the orchestrator back, where starting it is not enough.
	renew func(t *testing.T, p *place)
}

var states = []state{
	{
		name: "live",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.mark("committed")
			return o
		},
		want: shows("committed"),
	},
	{
		name: "live, in the middle of a transaction",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.mark("committed")
			o.run("BEGIN; UPDATE tasks SET repo='uncommitted';")
			return o
		},
		want: shows("committed"),
		open: true,
	},
	{
		name: "live, nothing written yet",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.run("SELECT count(*) FROM tasks;")
			return o
		},
		want: shows("first"),
	},
	{
		name: "live, its log checkpointed away",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.mark("committed")
			o.run("PRAGMA wal_checkpoint(TRUNCATE);")
			return o
		},
		want: shows("committed"),
	},
	{
		name:    "stopped",
		arrange: func(*testing.T, *place) *orchestrator { return nil },
		want:    shows("first"),
	},
	{
		name: "stopped, with an empty log left",
		arrange: func(t *testing.T, p *place) *orchestrator {
			p.write(t, p.db+"-wal", nil)
			return nil
		},
		want: shows("first"),
	},
	{
		name:    "crashed in the middle of a transaction",
		arrange: crash,
		want:    shows("committed"),
	},
	{
		name: "crashed with uncommitted pages in the log",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.mark("committed")
			before := sizeOf(t, p.db+"-wal")
			o.run("PRAGMA cache_size=4; BEGIN; UPDATE tasks SET repo='uncommitted'; CREATE TABLE filler (a);")
			o.run("INSERT INTO filler SELECT randomblob(4000) FROM pragma_function_list LIMIT 100;")
			require.Greater(t, sizeOf(t, p.db+"-wal"), before)
			o.kill()
			return nil
		},
		want: shows("committed"),
	},
	{
		name: "crashed, and the log's index is gone",
		arrange: func(t *testing.T, p *place) *orchestrator {
			crash(t, p)
			p.remove(t, p.db+"-shm")
			return nil
		},
		want: failsWith("db_not_live"),
	},
	{
		name: "crashed, and the log is gone",
		arrange: func(t *testing.T, p *place) *orchestrator {
			crash(t, p)
			p.remove(t, p.db+"-wal")
			return nil
		},
		want: shows("first"),
	},
	{
		name: "crashed before its first commit",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := start(t, p)
			o.run("SELECT count(*) FROM tasks;")
			o.kill()
			return nil
		},
		want: shows("first"),
	},
	{
		name:    "with a rollback journal, stopped",
		arrange: func(t *testing.T, p *place) *orchestrator { useJournal(t, p).stop(); return nil },
		want:    shows("first"),
	},
	{
		name: "with a rollback journal, in the middle of a transaction",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := useJournal(t, p)
			o.run("BEGIN; UPDATE tasks SET repo='uncommitted';")
			return o
		},
		want: shows("first"),
		open: true,
	},
	{
		name: "with a rollback journal, locked",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := useJournal(t, p)
			o.run("BEGIN EXCLUSIVE; UPDATE tasks SET repo='uncommitted';")
			return o
		},
		open: true,
		want: failsWith("db_busy"),
		slow: true,
	},
	{
		name: "with a rollback journal, crashed while it committed",
		arrange: func(t *testing.T, p *place) *orchestrator {
			o := useJournal(t, p)
			o.run("PRAGMA cache_size=4; BEGIN; UPDATE tasks SET repo='uncommitted'; CREATE TABLE filler (a);")
			o.run("INSERT INTO filler SELECT randomblob(4000) FROM pragma_function_list LIMIT 100;")
			require.NotZero(t, sizeOf(t, p.db+"-journal"))
			o.kill()
			return nil
		},
		want: failsWith("db_not_live"),
	},
	{
		name:    "missing",
		arrange: func(t *testing.T, p *place) *orchestrator { p.remove(t, p.db); return nil },
		want:    failsWith("db_missing"),
		absent:  true,
		renew:   reseed,
	},
	{
		name: "empty",
		arrange: func(t *testing.T, p *place) *orchestrator {
			require.NoError(t, os.Truncate(p.db, 0))
			return nil
		},
		want:   failsWith("schema_drift"),
		absent: true,
		renew:  reseed,
	},
	{
		name: "garbage",
		arrange: func(t *testing.T, p *place) *orchestrator {
			p.write(t, p.db, []byte("this was never a database, only a text that is long enough"))
			return nil
		},
		want:  failsWith("db_corrupt"),
		renew: reseed,
	},
	{
		name: "a directory",
		arrange: func(t *testing.T, p *place) *orchestrator {
			p.remove(t, p.db)
			require.NoError(t, os.Mkdir(p.db, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(p.db, "file"), nil, 0o600))
			return nil
		},
		want:   failsWith("db_unreadable"),
		absent: true,
		renew:  reseed,
	},
}

// crash kills an orchestrator in the middle of a transaction.
func crash(t *testing.T, p *place) *orchestrator {
	o := start(t, p)
	o.mark("committed")
	o.run("BEGIN; UPDATE tasks SET repo='uncommitted';")
	o.kill()
	require.FileExists(t, p.db+"-wal")
	require.FileExists(t, p.db+"-shm")
	return nil
}

// useJournal starts an orchestrator that has left WAL mode.
func useJournal(t *testing.T, p *place) *orchestrator {
	o := start(t, p)
	require.Equal(t, "delete", o.value("PRAGMA journal_mode=DELETE"))
	return o
}

func reseed(t *testing.T, p *place) {
	p.remove(t, p.db)
	p.seed(t)
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}
