package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// linger is the longest that a connection of ours may outlive its scrape.
const linger = 250 * time.Millisecond

// history is SQL for many jobs and runs that have ended.
func history(jobs int) string {
	return fmt.Sprintf(`
WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n LIMIT %d)
INSERT INTO jobs (id, agent, status, attempts, run_id, started_at, finished_at)
	SELECT i, 'developer', 'done', 1 + i%%3, i, datetime('now', '-2 days'), datetime('now', '-1 days') FROM n;
INSERT INTO agent_runs (id, model, cost_usd, input_tokens, finished_at)
	SELECT id, 'claude-opus-4-8', 0.25, 1000, finished_at FROM jobs WHERE id >= 100;`, jobs)
}

// TestStopsAsIfAlone: an orchestrator that stops between two scrapes checkpoints
// and removes its log, so that a copy of the database file alone has every
// commit. It would not, if a connection of ours were open.
func TestStopsAsIfAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare string
		env     []string
		clients int
	}{
		"polled once a second":               {},
		"polled by many at once":             {clients: 20},
		"beside a history that is recounted": {prepare: history(50_000), env: []string{"ORCH_RECOUNT_BUDGET=100%"}},
		"reading everything anew":            {prepare: history(5_000), env: []string{"ORCH_EXACT=on"}},
	} {
		alone.try(t, name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t)
			o := start(t, p)
			if tc.prepare != "" {
				o.run("BEGIN; %s COMMIT;", tc.prepare)
			}
			s := serve(t, p, tc.env...)
			for poll := range 2 {
				if poll > 0 {
					time.Sleep(time.Second)
				}
				repo := fmt.Sprintf("poll %d", poll)
				o.mark(repo)
				pollBy(t, s, tc.clients, shows(repo))
			}
			o.mark("last")
			time.Sleep(linger)
			o.stop()
			assert.NoFileExists(t, p.db+"-wal")
			assert.NoFileExists(t, p.db+"-shm")
			assert.Equal(t, "last", repoInCopy(t, p))

			// Whoever closes a database, and whoever puts another one in its place, leaves
			// the same traces: a long history is in doubt until it was read again.
			requireSettled := func(want, when string) {
				require.Eventually(t, func() bool {
					summary := s.metrics().summary()
					return summary == want || tc.prepare == "" || !strings.Contains(summary, "degraded recounting")
				}, time.Minute, 100*time.Millisecond)
				assert.Equal(t, want, s.metrics().summary(), when)
			}
			requireSettled(shows("last"), "at rest")
			o = start(t, p)
			o.mark("restarted")
			requireSettled(shows("restarted"), "restarted")
			time.Sleep(linger)
			o.stop()
			assert.NoFileExists(t, p.db+"-wal")
		})
	}
}

// TestStopsAsIfAlone_AgainAndAgain: an orchestrator that starts, commits and stops
// all the time, in the midst of scrapes, is never refused and finds nothing in its
// way. What it committed is shown, and what is left beside its database is its own
// and goes with its next stop.
func TestStopsAsIfAlone_AgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]user{"read by its own user": owner(), "read by root": root} {
		alone.try(t, name, func(t *testing.T) {
			t.Parallel()
			if as == root && self() != root {
				alone.skip(t, "only root can run programs as others")
			}
			p := seeded(t)
			s := launch{db: p.db, as: &as}.start(t)
			polled := []*poller{poll(s, 7*time.Millisecond), poll(s, 11*time.Millisecond)}
			empty := 0
			starts := often(60, 300)
			for i := range starts {
				o := start(t, p)
				repo := fmt.Sprintf("start %d", i)
				o.mark(repo)
				o.stop()
				left := leftBeside(t, p)
				if wal := left["-wal"]; wal != nil && wal.Size() == 0 {
					empty++
				}
				for suffix := range left {
					require.Eventually(t, func() bool { return ownerOf(t, p.db+suffix) == p.owner }, // SQLite may be about to give it away
						time.Second, time.Millisecond, suffix)
				}
				if i%10 == 0 {
					assert.Equal(t, shows(repo), s.metrics().summary())
				}
			}
			for _, poller := range polled {
				assert.Empty(t, poller.end().faults)
			}
			time.Sleep(linger)
			o := start(t, p)
			assert.Equal(t, "ok", o.value("PRAGMA integrity_check"))
			o.mark("alone")
			o.stop()
			assert.Empty(t, leftBeside(t, p))
			assert.Equal(t, shows("alone"), s.metrics().summary())
			alone.measuredf(t, "%s: of %d stops in the midst of scrapes %d left an empty log", name, starts, empty)
		})
	}
}

// leftBeside is what lies beside the database, by its suffix.
func leftBeside(t *testing.T, p *place) map[string]os.FileInfo {
	t.Helper()
	left := map[string]os.FileInfo{}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		info, err := os.Lstat(p.db + suffix)
		if err == nil {
			left[suffix] = info
		}
	}
	return left
}

func ownerOf(t *testing.T, path string) user {
	t.Helper()
	var s syscall.Stat_t
	require.NoError(t, syscall.Lstat(path, &s))
	return user{int(s.Uid), int(s.Gid)}
}

// pollBy scrapes once, or by several clients at once.
func pollBy(t *testing.T, s *service, clients int, want string) {
	t.Helper()
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			target := []string{"/metrics", "/metrics?section=queue", "/readyz"}[i%3]
			_, err := s.ask("GET", target)
			assert.NoError(t, err)
		})
	}
	assert.Equal(t, want, s.metrics().summary())
	group.Wait()
}

// repoInCopy reads a copy of the database file, without anything beside it.
func repoInCopy(t *testing.T, p *place) string {
	t.Helper()
	content, err := os.ReadFile(p.db)
	require.NoError(t, err)
	other := newPlace(t, p.owner)
	other.write(t, other.db, content)
	return start(t, other).value("SELECT repo FROM tasks WHERE id=7")
}

// TestHoldsNothingBetweenScrapes: soon after a scrape the service has none of the
// orchestrator's files open.
func TestHoldsNothingBetweenScrapes(t *testing.T) {
	t.Parallel()
	for _, st := range states {
		if st.slow {
			continue
		}
		alone.try(t, st.name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t)
			st.arrange(t, p)
			s := serve(t, p)
			for range 3 {
				assert.Equal(t, st.want, s.metrics().summary())
				time.Sleep(linger)
				assert.Empty(t, s.opened(p.dir))
			}
		})
	}
}

// TestHoldsNothingBetweenScrapes_FirstCount: a history that is too large to be
// summed in one scrape is summed over several, not between them.
func TestHoldsNothingBetweenScrapes_FirstCount(t *testing.T) {
	t.Parallel()
	alone.try(t, "while a large history is summed", func(t *testing.T) {
		p := seeded(t)
		o := start(t, p)
		o.run("PRAGMA synchronous=OFF; BEGIN; %s COMMIT;", history(400_000))
		s := serve(t, p, within(60*time.Millisecond))
		counting := 0
		for range 5 {
			if s.metrics().at("sections", "cost", "code") == "counting" {
				counting++
			}
			time.Sleep(linger)
			assert.Empty(t, s.opened(p.dir))
		}
		require.NotZero(t, counting, "the history is too small")
		o.stop()
		assert.NoFileExists(t, p.db+"-wal")
		require.Eventually(t, func() bool {
			return s.metrics().at("cost", "aggregate", "runs") == 400_001.0
		}, time.Minute, 50*time.Millisecond, "it is never done")
	})
}

// opened lists what the service has open below a directory.
func (s *service) opened(dir string) []string {
	s.t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.pid()))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, links)
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir) {
			found = append(found, target)
		}
	}
	return found
}
