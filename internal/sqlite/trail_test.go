package sqlite

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// doubtful opens a view and tells whether the database may be another one than that
// of the view before.
func doubtful(t *testing.T, e *Engine) bool {
	t.Helper()
	conn, state, err := e.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	return state.Doubtful
}

func newEngine(t *testing.T, path string) *Engine {
	t.Helper()
	e, err := New(path, 4*time.Second)
	require.NoError(t, err)
	return e
}

// copyOver copies the content of a file into another one.
func copyOver(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

const insert = "INSERT INTO tasks (stage, repo) VALUES ('s', hex(randomblob(3000)))"

// TestTrail_LogGoesOn: whatever one orchestrator does to its log, it is the same one.
func TestTrail_LogGoesOn(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"commits":              {insert},
		"many commits":         {"PRAGMA wal_autocheckpoint = 3", insert, insert, insert, insert, insert, insert, insert},
		"it is emptied":        {insert, "PRAGMA wal_checkpoint(TRUNCATE)"},
		"emptied, and goes on": {insert, "PRAGMA wal_checkpoint(TRUNCATE)", insert},
		"begins anew":          {insert, "PRAGMA wal_checkpoint(RESTART)", insert},
		"is checkpointed":      {insert, "PRAGMA wal_checkpoint(PASSIVE)"},
		"is vacuumed":          {insert, "VACUUM"},
		"rolls back":           {"BEGIN", insert, "ROLLBACK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t, walMode)
			writer := startWriter(t, path)
			writer.run(insert)
			e := newEngine(t, path)
			require.False(t, doubtful(t, e), "there is nothing to compare with")
			for i := range 30 {
				writer.run(statements...)
				require.False(t, doubtful(t, e), "view %d", i)
			}
		})
	}
}

// TestTrail_LogBeginsElsewhere: a log of another lineage, or none, may belong to a
// database that was put back.
func TestTrail_LogBeginsElsewhere(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	writer := startWriter(t, path)
	writer.run(insert)
	e := newEngine(t, path)
	require.False(t, doubtful(t, e))
	for range 5 {
		writer.stop()
		writer = startWriter(t, path)
		writer.run(insert)
		require.True(t, doubtful(t, e), "it was stopped and started")
		require.False(t, doubtful(t, e))
	}
	writer.stop()
	require.True(t, doubtful(t, e), "it was stopped")
	require.False(t, doubtful(t, e), "nothing has happened")
	writer = startWriter(t, path)
	writer.run("SELECT * FROM tasks")
	require.False(t, doubtful(t, e), "it was opened and not written")
	writer.run(insert)
	require.False(t, doubtful(t, e), "the file is what it was, and the log begins with it")
}

// TestTrail_PutBack: a restored database is told from one that was only stopped by
// nothing, so that both are in doubt, however far the orchestrator came meanwhile.
func TestTrail_PutBack(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(t *testing.T, path string){
		"stopped": func(*testing.T, string) {},
		"opened":  func(t *testing.T, path string) { startWriter(t, path).run("SELECT * FROM tasks") },
		"written": func(t *testing.T, path string) { startWriter(t, path).run(insert) },
		"written and emptied": func(t *testing.T, path string) {
			startWriter(t, path).run(insert, "PRAGMA wal_checkpoint(TRUNCATE)")
		},
	} {
		for _, emptied := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", emptied), func(t *testing.T) {
				t.Parallel()
				path := newDB(t, walMode)
				backup := filepath.Join(t.TempDir(), "backup.db")
				copyOver(t, path, backup)
				writer := startWriter(t, path)
				writer.run(insert)
				if emptied {
					writer.run("PRAGMA wal_checkpoint(TRUNCATE)")
				}
				e := newEngine(t, path)
				require.False(t, doubtful(t, e))
				writer.stop()
				copyOver(t, backup, path)
				meanwhile(t, path)
				require.True(t, doubtful(t, e))
				require.False(t, doubtful(t, e))
			})
		}
	}
}

// TestTrail_Crash: a log that was left over is gone on with.
func TestTrail_Crash(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	writer := startWriter(t, path)
	writer.run(insert)
	e := newEngine(t, path)
	require.False(t, doubtful(t, e))
	for range 3 {
		require.NoError(t, writer.cmd.Process.Kill())
		_ = writer.cmd.Wait()
		require.False(t, doubtful(t, e), "it crashed")
		writer = startWriter(t, path)
		writer.run(insert)
		require.False(t, doubtful(t, e), "it was started again")
	}
}

// TestTrail_AtRest: of a database that nobody has open, the file itself tells.
func TestTrail_AtRest(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	backup := filepath.Join(t.TempDir(), "backup.db")
	copyOver(t, path, backup)
	e := newEngine(t, path)
	for range 3 {
		require.False(t, doubtful(t, e))
	}
	copyOver(t, backup, path)
	require.True(t, doubtful(t, e), "copied over")
	require.False(t, doubtful(t, e))
	writer := startWriter(t, path)
	writer.run(insert)
	writer.stop()
	require.True(t, doubtful(t, e), "written and closed")
	require.NoError(t, os.Rename(newDB(t, walMode), path))
	require.False(t, doubtful(t, e), "another file has another name, which needs no sign")
}

// TestTrail_RollbackJournal: there is no trail, and no sign.
func TestTrail_RollbackJournal(t *testing.T) {
	t.Parallel()
	path := newDB(t, deleteMode)
	e := newEngine(t, path)
	for range 3 {
		writer := startWriter(t, path)
		writer.run(insert)
		require.False(t, doubtful(t, e))
		writer.stop()
		require.False(t, doubtful(t, e))
	}
}

// TestLogHeader: a header counts only whole and with its checksum, in either order of
// bytes (https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
func TestLogHeader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	read := func(content []byte) logHeader {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return readLogHeader(path)
	}
	for name, order := range map[uint32]binary.ByteOrder{0x377f0682: binary.LittleEndian, 0x377f0683: binary.BigEndian} {
		header := make([]byte, 32)
		for i, word := range []uint32{name, 3007000, 4096, 7, 0xdeadbeef, 0xcafe} {
			binary.BigEndian.PutUint32(header[4*i:], word)
		}
		var a, b uint32
		for i := 0; i < 24; i += 8 {
			a += order.Uint32(header[i:]) + b
			b += order.Uint32(header[i+4:]) + a
		}
		binary.BigEndian.PutUint32(header[24:], a)
		binary.BigEndian.PutUint32(header[28:], b)
		assert.Equal(t, logHeader{known: true, salt: 0xdeadbeef, random: 0xcafe}, read(slices.Concat(header, []byte("frames"))))
		for i := range header {
			broken := slices.Clone(header)
			broken[i] ^= 0x10
			assert.Equal(t, logHeader{damaged: true}, read(broken), "byte %d", i)
		}
		assert.Equal(t, logHeader{damaged: true}, read(header[:31]))
	}
	assert.Equal(t, logHeader{}, read(nil))
	assert.Equal(t, logHeader{}, readLogHeader(filepath.Join(t.TempDir(), "none")))
}
