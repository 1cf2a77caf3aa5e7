package chaos

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reader is one way to run the service beside the orchestrator.
type reader struct {
	name string
	// needsRoot is set where the tests must be root to bring it about.
	needsRoot bool
	as        func() user
	// prepare changes the rights when the state has been arranged.
	prepare func(t *testing.T, p *place)
	// refused is set if the service must not read what there is.
	refused bool
	under   []string
}

var readers = []reader{
	{name: "its own user", as: owner},
	{name: "root", needsRoot: true, as: func() user { return root }},
	{name: "another user", needsRoot: true, as: func() user { return bob }},
	{
		name:      "another user, who could create files",
		needsRoot: true,
		as:        func() user { return bob },
		prepare:   func(t *testing.T, p *place) { require.NoError(t, os.Chmod(p.dir, 0o777)) },
		refused:   true,
	},
	{
		name:      "another user, who may not read",
		needsRoot: true,
		as:        func() user { return bob },
		prepare:   hide,
		refused:   true,
	},
	{
		// Only the service sees the directory so.
		name:      "on a read-only mount",
		needsRoot: true,
		as:        func() user { return root },
		under:     []string{"unshare", "--mount", "sh", "-c", `mount -o bind,ro "$PLACE" "$PLACE" && exec "$@"`, "sh"},
	},
}

// hide takes the right to read away from others.
func hide(t *testing.T, p *place) {
	files, err := filepath.Glob(p.db + "*")
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		if info.Mode().IsRegular() {
			require.NoError(t, os.Chmod(file, 0o600))
		}
	}
}

// TestHarmless: whatever state the database is in and whoever reads it, reading
// leaves no trace, the orchestrator can write afterwards, and the envelope shows
// the data or says why not. What the orchestrator then commits is in the next
// scrape.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range states {
				harmless.try(t, s.name, func(t *testing.T) { testHarmless(t, s, r) })
			}
		})
	}
}

func testHarmless(t *testing.T, s state, r reader) {
	if r.needsRoot && self() != root {
		harmless.skip(t, "only root can run programs as others")
	}
	p := seeded(t)
	o := s.arrange(t, p)
	if r.prepare != nil {
		r.prepare(t, p)
	}
	want, afterwards := s.want, shows("afterwards")
	if r.refused {
		afterwards = failsWith("db_permission")
		if !s.absent {
			want = afterwards
		}
	}
	if r.under != nil {
		canMount(t)
	}
	as := r.as()
	scrapes, budget := often(3, 12), patience
	if s.slow {
		scrapes, budget = 2, time.Second
	}
	program := launch{db: p.db, as: &as, env: []string{"PLACE=" + p.dir, within(budget)}, under: r.under}
	service := program.start(t)
	look := p.fingerprint
	if as == root {
		look = p.fingerprintForRoot
	}
	before := look(t)
	for range scrapes {
		require.Equal(t, want, service.metrics().summary(), service.logged())
		_, err := service.ask("GET", "/readyz")
		require.NoError(t, err)
	}
	checkCommands(t, program, want)
	assert.Equal(t, before, look(t))

	if s.renew != nil {
		s.renew(t, p)
		if r.prepare != nil {
			r.prepare(t, p) // the file is a new one
		}
	}
	if o == nil {
		o = start(t, p)
	}
	if s.open {
		o.run("COMMIT;")
	}
	o.mark("afterwards")
	assert.Equal(t, "ok", o.value("PRAGMA integrity_check"))
	assert.Equal(t, afterwards, service.metrics().summary(), service.logged())
}

// checkCommands runs those that read the database without serving: they show the
// same, and are held to the same.
func checkCommands(t *testing.T, program launch, want string) {
	t.Helper()
	shown, log := program.run(t, "snapshot")
	e, err := answer{status: http.StatusOK, body: []byte(shown)}.read()
	require.NoError(t, err, log)
	assert.Equal(t, want, e.summary())
	report, log := program.run(t, "doctor", "--json")
	assert.True(t, json.Valid([]byte(report)), "%s%s", report, log)
	recorded, log := program.run(t, "record", "--every=1h", "--for=50ms")
	for line := range strings.Lines(recorded) { // none, if a lock took longer
		e, err := answer{status: http.StatusOK, body: []byte(line)}.read()
		require.NoError(t, err, log)
		assert.Equal(t, want, e.summary())
	}
}

// TestHarmless_RootGivesNothingAway: what root opens beside a database, SQLite
// gives to the database's owner. Where that would change anything, root must not
// read.
func TestHarmless_RootGivesNothingAway(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"live", "stopped, with an empty log left", "crashed in the middle of a transaction",
		"with a rollback journal, crashed while it committed",
	} {
		harmless.try(t, name, func(t *testing.T) {
			if self() != root {
				harmless.skip(t, "only root can run programs as others")
			}
			p := seeded(t)
			stateOf(t, name).arrange(t, p)
			sidecars, err := filepath.Glob(p.db + "-*")
			require.NoError(t, err)
			require.NotEmpty(t, sidecars)
			require.NoError(t, os.Chown(sidecars[len(sidecars)-1], owner().uid, bob.gid))
			service := launch{db: p.db}.start(t)
			before := p.fingerprint(t)
			assert.Equal(t, failsWith("db_permission"), service.metrics().summary())
			assert.Equal(t, before, p.fingerprint(t))
		})
	}
}

func stateOf(t *testing.T, name string) state {
	t.Helper()
	at := slices.IndexFunc(states, func(s state) bool { return s.name == name })
	require.GreaterOrEqual(t, at, 0)
	return states[at]
}

// canMount skips the case where the kernel lets not even root mount.
func canMount(t *testing.T) {
	t.Helper()
	if err := exec.Command("unshare", "--mount", "mount", "-o", "bind,ro", "/tmp", "/tmp").Run(); err != nil {
		harmless.skip(t, "no mount is possible here")
	}
}
