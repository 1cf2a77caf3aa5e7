package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestRootCreatesAsTheOwner: the orchestrator stops between the look at its files and
// their opening, so that SQLite creates its log anew. It is the owner's from its first
// instant on, and not only once it was given away: that is forbidden here.
func TestRootCreatesAsTheOwner(t *testing.T) {
	t.Parallel()
	store, found := justStopped(t)
	err := without(t, []uint{unix.CAP_CHOWN}, func() error {
		_, err := store.connect(t.Context(), found)
		assert.Zero(t, identity())
		assert.NoError(t, access(found.path, unix.W_OK), "root may do less than before")
		return err
	})
	require.ErrorContains(t, err, "open", "there is no index any more")
	log, err := stat(found.path + "-wal")
	require.NoError(t, err, "nothing was created: the test shows nothing")
	assert.Equal(t, file{uid: owner, gid: group}, file{uid: log.uid, gid: log.gid})
}

// TestRootThatCannotBeTheOwner is refused where it could create a file, and only there.
func TestRootThatCannotBeTheOwner(t *testing.T) {
	t.Parallel()
	store, found := justStopped(t)
	for _, capability := range []uint{unix.CAP_SETUID, unix.CAP_SETGID} {
		err := without(t, []uint{capability}, func() error {
			_, err := store.connect(t.Context(), found)
			assert.Zero(t, identity())
			return err
		})
		require.ErrorIs(t, err, domain.CodeDBPermission)
	}
	err := without(t, []uint{unix.CAP_SETUID, unix.CAP_DAC_OVERRIDE}, func() error {
		_, err := store.connect(t.Context(), found)
		return err
	})
	require.ErrorContains(t, err, "readonly", "SQLite tried, and could not")
	require.NotErrorIs(t, err, domain.CodeDBPermission)
	assert.NoFileExists(t, found.path+"-wal")
}

// TestRootThatCannotReadAsTheOwner, behind a directory that is closed to that user, reads
// as root, who may not create files beside the database here.
func TestRootThatCannotReadAsTheOwner(t *testing.T) {
	t.Parallel()
	store, found := justStopped(t)
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(found.path)), 0o700))
	err := without(t, []uint{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH}, func() error {
		_, err := store.connect(t.Context(), found)
		assert.Zero(t, identity())
		return err
	})
	require.ErrorContains(t, err, "readonly", "SQLite did not come to try")
	assert.NoFileExists(t, found.path+"-wal")
}

// TestRootThatIsTheOwner of a database of a group that it may not give its files: that
// matters only where a user of the group may write the database.
func TestRootThatIsTheOwner(t *testing.T) {
	t.Parallel()
	store, found := justStopped(t)
	dir := filepath.Dir(found.path)
	for _, path := range []string{found.path, dir} {
		require.NoError(t, os.Chown(path, 0, group))
	}
	for _, c := range []struct {
		file, dir os.FileMode
		refused   bool
	}{{0o644, 0o755, false}, {0o664, 0o775, true}, {0o664, 0o775 | os.ModeSetgid, false}} {
		require.NoError(t, os.Chmod(found.path, c.file))
		require.NoError(t, os.Chmod(dir, c.dir))
		db, err := stat(found.path)
		require.NoError(t, err)
		found.db = db
		err = without(t, []uint{unix.CAP_SETGID}, func() error {
			_, err := store.connect(t.Context(), found)
			return err
		})
		require.Equal(t, c.refused, errors.Is(err, domain.CodeDBPermission), "%+v: %v", c, err)
		if err := os.Remove(found.path + "-wal"); !c.refused {
			require.NoError(t, err, "%+v: SQLite did not come to try", c)
		}
	}
}

// owner and group are nobody's on this machine.
const owner, group = 54321, 54322

// justStopped is another user's database, and what lay beside it until its orchestrator
// stopped.
func justStopped(t *testing.T) (*Engine, files) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, who may give files away")
	}
	path := newDB(t, walMode)
	writer := startWriter(t, path)
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	for _, path := range []string{filepath.Dir(path), path, path + "-wal", path + "-shm"} {
		require.NoError(t, os.Chown(path, owner, group))
	}
	found, err := inspect(path)
	require.NoError(t, err)
	require.True(t, found.live)
	writer.stop()
	require.NoFileExists(t, path+"-wal")
	store, err := New(path, time.Second)
	require.NoError(t, err)
	return store, found
}

// without runs something on a thread that lacks capabilities, and goes with it.
func without(t *testing.T, lacks []uint, run func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		var err error
		defer func() { done <- err }()
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var capabilities [2]unix.CapUserData
		if err = unix.Capget(&header, &capabilities[0]); err != nil {
			return
		}
		for _, capability := range lacks { // all of these are among the first 32
			capabilities[0].Effective &^= 1 << capability
			capabilities[0].Permitted &^= 1 << capability
		}
		if err = unix.Capset(&header, &capabilities[0]); err == nil {
			err = run()
		}
	}()
	return <-done
}

// identity is who owns the files that this thread creates.
func identity() int {
	uid, _ := unix.SetfsuidRetUid(-1)
	gid, _ := unix.SetfsgidRetGid(-1)
	return uid + gid
}
