package tests

import (
	"database/sql"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// execute changes a database that nobody has open.
func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
}

// crash leaves the files that a killed orchestrator leaves: those of a live
// database, with nobody who has them open.
func crash(t *testing.T, path string) {
	t.Helper()
	live := filepath.Join(t.TempDir(), "live.db")
	duplicate(t, path, live)
	startWriter(t, live).run("UPDATE tasks SET repo = 'web';")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		duplicate(t, live+suffix, path+suffix)
	}
}

func duplicate(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	require.NoError(t, err)
	defer source.Close()
	target, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(target, source)
	require.NoError(t, err)
	require.NoError(t, target.Close())
}

// grant gives a directory and its files these rights, and lets everybody reach it.
func grant(t *testing.T, dir string, ofDir, ofFiles fs.FileMode) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "orchestrator.db*"))
	require.NoError(t, err)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			require.NoError(t, os.Chmod(file, ofFiles))
		}
	}
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, ofDir))
}

// publicProgram is a copy of the program that everybody may execute.
func publicProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "api")
	duplicate(t, program(t), path)
	require.NoError(t, os.Chmod(path, 0o755))
	return path
}
