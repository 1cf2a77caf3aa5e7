package chaos

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	commits = 20_000
	burst   = 25 // commits between two breaths of the writer
	breath  = 10 * time.Millisecond
	times   = 4 // the polled log against the other: see TestLogDoesNotGrow
)

// TestLogDoesNotGrow: of two orchestrators that do the same, one is polled 20
// times a second. What the other writes while one scrape reads may be added to its
// log, which is little on an idle machine and more on a busy one; had a view been
// held over many scrapes, all would be: 20 times as much and more. (A log never
// shrinks while the orchestrator runs: its size is its largest.)
func TestLogDoesNotGrow(t *testing.T) {
	bounded.try(t, "20,000 commits", func(t *testing.T) {
		var group sync.WaitGroup
		var unpolled, polled int64
		group.Go(func() { unpolled = writeMuch(t, seeded(t)) })

		p := seeded(t)
		s := serve(t, p)
		poller := poll(s, 50*time.Millisecond)
		group.Go(func() { polled = writeMuch(t, p) })
		group.Wait()
		polls := poller.end()

		require.Empty(t, polls.faults)
		require.NotZero(t, unpolled)
		bounded.measuredf(t, "%d commits: log of %d KiB unpolled, %d KiB beside %d polls (%.2f times)",
			commits, unpolled>>10, polled>>10, polls.n, float64(polled)/float64(unpolled))
		assert.LessOrEqual(t, polled, unpolled*times)
	})
}

// writeMuch makes many commits, and returns the size of the log after them.
func writeMuch(t *testing.T, p *place) int64 {
	t.Helper()
	o := start(t, p)
	o.run("PRAGMA synchronous=OFF;")
	statements := strings.Repeat("INSERT INTO jobs (agent, status, attempts) VALUES ('developer', 'done', 1);\n", burst)
	for range commits / burst {
		o.run("%s", statements)
		time.Sleep(breath)
	}
	size := sizeOf(t, p.db+"-wal")
	o.stop()
	return size
}
