package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// obstacle is something that takes the place of what the service reads beside the
// database: the worker's snapshot (run/worker.json) or the drop-in sections
// (sections/gpu.json and others).
type obstacle struct {
	name string
	// cause brings it about, and returns what undoes it.
	cause func(t *testing.T, dir string) (cure func())
	// sees is what some section shows meanwhile, and code how its reading went. The
	// first answers may say timeout, and later ones stuck.
	sees  []any
	codes []any
}

var (
	ofWorker    = []any{"queue"}
	ofDirectory = []any{"ORCH_SECTIONS_DIR"}
	ofFile      = []any{"gpu"}
	invalid     = []any{"worker_state_invalid"}
	unreadable  = []any{"file_unreadable"}
	hanging     = []any{"timeout", "stuck"}
)

var obstacles = []obstacle{
	{"the snapshot is a FIFO", replaced("run/worker.json", fifo), ofWorker, invalid},
	{"the snapshot is a directory", replaced("run/worker.json", directory), ofWorker, invalid},
	{"the snapshot is a link to itself", replaced("run/worker.json", loop), ofWorker, invalid},
	{"the snapshot is a device", replaced("run/worker.json", device), ofWorker, invalid},
	{"the snapshot is of a terabyte", replaced("run/worker.json", huge), ofWorker, invalid},
	{"the snapshot's directory is a FIFO", replaced("run", fifo), ofWorker, invalid},
	{"the snapshot's directory hangs", hung("run"), ofWorker, hanging},
	{"the sections' directory is a FIFO", replaced("sections", fifo), ofDirectory, unreadable},
	{"the sections' directory is a link to itself", replaced("sections", loop), ofDirectory, unreadable},
	{"the sections' directory is a device", replaced("sections", device), ofDirectory, unreadable},
	{"the sections' directory hangs", hung("sections"), ofDirectory, hanging},
	{"a section is a FIFO", replaced("sections/gpu.json", fifo), ofFile, unreadable},
	{"a section is a directory", replaced("sections/gpu.json", directory), ofFile, unreadable},
	{"a section is a link to itself", replaced("sections/gpu.json", loop), ofFile, unreadable},
	{"a section is of a terabyte", replaced("sections/gpu.json", huge), ofFile, []any{"too_large"}},
}

func fifo(path string) error      { return syscall.Mkfifo(path, 0o644) }
func directory(path string) error { return os.Mkdir(path, 0o755) }
func loop(path string) error      { return os.Symlink(filepath.Base(path), path) }
func device(path string) error    { return os.Symlink("/dev/zero", path) }

// huge makes a file of a terabyte, none of which is on the disk.
func huge(path string) error {
	return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o644), os.Truncate(path, 1<<40))
}

// replaced puts something else in the place of a file or directory.
func replaced(name string, by func(path string) error) func(*testing.T, string) func() {
	return func(t *testing.T, dir string) func() {
		path := filepath.Join(dir, name)
		require.NoError(t, os.Rename(path, path+".away"))
		require.NoError(t, by(path))
		return func() {
			require.NoError(t, os.RemoveAll(path))
			require.NoError(t, os.Rename(path+".away", path))
		}
	}
}

// hung mounts a file system over a directory that answers nothing, as a dead
// network mount does, until it is given up.
func hung(name string) func(*testing.T, string) func() {
	return func(t *testing.T, dir string) func() {
		path := filepath.Join(dir, name)
		server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			answered.skip(t, "needs root and /dev/fuse, for a file system that hangs")
		}
		options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", server)
		if err := unix.Mount("hung", path, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
			_ = unix.Close(server)
			answered.skip(t, "needs the right to mount, for a file system that hangs")
		}
		given := false
		giveUp := func() {
			if !given {
				given = true
				_ = unix.Unmount(path, unix.MNT_DETACH)
				_ = unix.Close(server) // whoever waits is told
			}
		}
		t.Cleanup(giveUp)
		return giveUp
	}
}

// TestComesBack: whatever takes the place of what the service reads beside the
// database, every answer is 200 and in time and has all the rest, and all is back by
// the second scrape after the cause is gone.
func TestComesBack(t *testing.T) {
	t.Parallel()
	for _, o := range obstacles {
		answered.try(t, o.name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t)
			s := serveBeside(t, p)
			requireAll(t, s)
			cure := o.cause(t, p.dir)
			var codes []any
			for range 3 {
				e := inTime(t, s, "/metrics")
				assert.Equal(t, "first", e.at("stages", 0, "repo"), "%s", s.logged())
				codes = append(codes, e.at(append([]any{"sections"}, append(o.sees, "code")...)...))
				assertRest(t, e, o.sees[0])
				named := inTime(t, s, "/metrics?section=gpu&section=stages") // a section that there is, whatever is known of it
				assert.Equal(t, "first", named.at("stages", 0, "repo"))
				assert.NotNil(t, named.at("sections", "gpu", "status"))
			}
			for _, code := range codes {
				assert.Contains(t, o.codes, code, "%v", codes)
			}
			cure()
			s.metrics()
			requireAll(t, s)
		})
	}
}

// serveBeside starts a service that reads a snapshot and two drop-in sections, too.
func serveBeside(t *testing.T, p *place) *service {
	t.Helper()
	for name, content := range map[string]string{
		"run/worker.json": `{"max_concurrency":4}`, "sections/gpu.json": `{"used":1}`, "sections/disks.json": `[]`,
	} {
		path := filepath.Join(p.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
		p.write(t, path, []byte(content))
		require.NoError(t, os.Chmod(path, 0o644))
	}
	return serve(t, p, within(timeout), "ORCH_WORKER_STATE_FILE="+filepath.Join(p.dir, "run", "worker.json"),
		"ORCH_SECTIONS_DIR="+filepath.Join(p.dir, "sections"))
}

// requireAll checks that everything is shown.
func requireAll(t *testing.T, s *service) {
	t.Helper()
	e := s.metrics()
	require.Equal(t, shows("first"), e.summary(), "%s", s.logged())
	require.InDelta(t, 4, e.at("queue", "max_concurrency"), 0)
	require.Equal(t, map[string]any{"used": 1.0}, e["gpu"])
	require.Equal(t, []any{}, e["disks"])
	require.Len(t, e["sections"], 6)
}

// assertRest checks that whatever is not of the given section is there.
func assertRest(t *testing.T, e envelope, without any) {
	t.Helper()
	for _, key := range []string{"stages", "queue", "agents", "cost", "gpu", "disks"} {
		ofDirectory := without == "ORCH_SECTIONS_DIR" && (key == "gpu" || key == "disks")
		if key != without && !ofDirectory {
			assert.Equal(t, "ok", e.at("sections", key, "status"), key)
		}
	}
	assert.NotNil(t, e.at("queue", "counts"))
}

// inTime scrapes, and checks how long that took.
func inTime(t *testing.T, s *service, target string) envelope {
	t.Helper()
	a, err := s.ask("GET", target)
	require.NoError(t, err)
	e, err := a.read()
	require.NoError(t, err)
	assert.LessOrEqual(t, a.took, timeout+timeout/10+timeout/4, target) // asking for the keys of sections, too
	return e
}

// TestComesBack_Leftovers: 20,000 names that a writer left behind hide no section.
func TestComesBack_Leftovers(t *testing.T) {
	answered.try(t, "20,000 leftovers beside two sections", func(t *testing.T) {
		p := seeded(t)
		s := serveBeside(t, p)
		requireAll(t, s)
		for i := range 20_000 {
			file, err := os.Create(filepath.Join(p.dir, "sections", fmt.Sprintf("%06d.json.tmp", i)))
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}
		a, err := s.ask("GET", "/metrics")
		require.NoError(t, err)
		e, err := a.read()
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"used": 1.0}, e["gpu"])
		assert.Len(t, e["sections"], 6)
		answered.measuredf(t, "20,000 leftovers beside two sections: %s", a.took)
	})
}
