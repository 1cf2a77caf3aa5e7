package sqlstore

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

func TestLocations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"plain.db", "with space.db", "what?.db", "100%.db", "%41.db", "a#b.db", "größe 🙂.db", "a&b=c;d+e.db", "'quoted\".db", "a\nb.db"} {
		path := filepath.Join(dir, name)
		createDB(t, path, walMode, script(t, "schema.sql"), script(t, "busy.sql"))
		escaped := (&url.URL{Path: path}).EscapedPath()
		for _, location := range []string{path, "file:" + escaped, "file://" + escaped, "file://localhost" + escaped, "file:" + escaped + "?mode=rwc&cache=shared"} {
			store := openStore(t, location, time.Second, Options{MaxRows: 10})
			requireTasks(t, 4, store)
		}
	}
	for _, name := range names(t, dir) {
		assert.NotRegexp(t, `-(wal|shm|journal)$`, name)
	}

	link := filepath.Join(t.TempDir(), "link.db")
	target := filepath.Join(dir, "plain.db")
	require.NoError(t, os.Symlink(target, link))
	requireTasks(t, 4, newStore(t, link))
	writer := startWriter(t, target)
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	requireTasks(t, 5, newStore(t, link)) // the sidecars are beside the target
	assert.Equal(t, []string{"link.db"}, names(t, filepath.Dir(link)))
}

func TestRelativeLocation(t *testing.T) {
	t.Chdir(filepath.Dir(newDB(t, walMode, script(t, "busy.sql"))))
	for _, location := range []string{"orch.db", "./orch.db", "file:orch.db", "file:orch%2Edb?mode=ro"} {
		requireTasks(t, 4, newStore(t, location))
	}
	store := newStore(t, "orch.db")
	t.Chdir(t.TempDir())
	requireTasks(t, 4, store) // where the process is later does not matter
}

func TestRefusedLocations(t *testing.T) {
	t.Parallel()
	for _, location := range []string{
		"", ":memory:", "file:", "file::memory:", "file:secret?mode=memory", "file:secret?cache=shared&mode=memory", "file://secret/orch.db",
		"file://user:secret@host/orch.db", "file:%zz-secret", "file:/secret%00.db", "secret\x00.db", "file://[secret",
		"orch.db?_auth_pass=secret", ":memory:?_auth_pass=secret", "FILE:orch.db?_auth_pass=secret", "postgres://user:secret@host/orch", "sqlite:///secret.db",
	} {
		_, err := sqlite.New(location, time.Second)
		require.Error(t, err, "%q", location)
		assert.NotContains(t, err.Error(), "secret", "an error must not repeat a location: it may hold a password")
	}
	e, err := sqlite.New("orch.db", time.Second)
	require.NoError(t, err)
	_, err = New(e, Options{})
	require.ErrorContains(t, err, "row cap")
}
