package sqlstore

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestOldRowsWaitForTheAnswer: a scrape after a long pause itself reads a sample of old
// rows, and the rest when its reader has the answer, who waits for none of them.
func TestOldRowsWaitForTheAnswer(t *testing.T) {
	t.Parallel()
	w := watchSettled(t)
	before := w.blocks
	w.requireOK(time.Millisecond) // nothing is due
	always := w.blocks - before

	w.now = w.now.Add(15 * time.Second)
	scrape, over := context.WithTimeout(context.Background(), time.Minute)
	ctx, end := w.store.View(scrape)
	before = w.blocks
	first := w.tell(ctx)
	require.True(t, w.right(first))
	assert.Positive(t, w.blocks-before-always, "no sample was read")
	assert.LessOrEqual(t, w.blocks-before-always, 4, "the reader waited for more than a sample")

	gate := make(chan struct{})
	w.onBlock = func(ctx context.Context) {
		<-gate
		_, limited := ctx.Deadline()
		assert.True(t, limited, "it may take longer than the scrape")
	}
	before = w.blocks
	end() // returns, though no block can be read
	over()
	close(gate)
	w.wait(ctx)
	w.onBlock = nil
	assert.Greater(t, w.blocks-before, 15)
	var last told
	for range 5 {
		last = w.requireOK(15 * time.Second)
	}
	assert.True(t, last.countedAt.After(first.countedAt), "what was read then does not count")
}

// TestOldRowsThatCannotBeRead: what is found damaged after an answer shows in all answers
// from then on, also in those that read no old rows, until it can be read again.
func TestOldRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := watchSettled(t)
	w.run("CREATE TABLE other (x)", "PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO other VALUES (1)")
	w.requireOK(time.Second)
	content, err := os.ReadFile(w.path)
	require.NoError(t, err)
	file, err := os.OpenFile(w.path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	const page = 4096
	old := int64(len(content)) / 3 / page * page // within the rows of jobs
	write := func(content []byte) {
		_, err := file.WriteAt(content, old)
		require.NoError(t, err)
	}

	write(make([]byte, page))
	polls := 0
	for ; w.pollAfter(15*time.Second).err == nil; polls++ {
		require.Less(t, polls, 20, "it is never found")
	}
	for range 50 { // more than what is saved up lasts
		require.ErrorIs(t, w.pollAfter(time.Millisecond).err, domain.CodeDBCorrupt)
	}
	write(content[old : old+page])
	for polls = 0; w.pollAfter(time.Second).err != nil; polls++ {
		require.Less(t, polls, 20, "it is never well again")
	}
	for range 10 {
		w.requireOK(time.Second)
	}
}

// TestOldRows_Panic: a driver that panics where nobody else would stop it costs the sums,
// and not the process.
func TestOldRows_Panic(t *testing.T) {
	t.Parallel()
	w := watchSettled(t)
	w.now = w.now.Add(15 * time.Second)
	ctx, end := w.store.View(context.Background())
	require.NoError(t, w.tell(ctx).err)
	w.onBlock = func(context.Context) { panic("a bug in the driver") }
	end()
	w.wait(ctx)
	w.onBlock = nil
	require.ErrorIs(t, w.pollAfter(time.Millisecond).err, domain.CodePanic)
	for range 10 { // it is told once
		w.requireOK(time.Second)
	}
}

// TestOldRows_FailedOnce: what could not be read after an answer costs the next one
// nothing where it can be read by then, or is gone.
func TestOldRows_FailedOnce(t *testing.T) {
	t.Parallel()
	w := watchSettled(t)
	conn, _, err := w.store.engine.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	failing := false
	require.NoError(t, conn.Session(t.Context()).Callback().Row().Before("gorm:row").Register("fail", func(tx *gorm.DB) {
		if failing && strings.Contains(tx.Statement.SQL.String(), "BETWEEN") {
			_ = tx.AddError(errors.New("the server went away"))
		}
	}))
	for _, meanwhile := range [][]string{nil, {"DELETE FROM jobs WHERE id < 39000", "DELETE FROM agent_runs WHERE id < 39000"}} {
		w.now = w.now.Add(15 * time.Second)
		ctx, end := w.store.View(context.Background())
		require.NoError(t, w.tell(ctx).err)
		failing = true
		end()
		w.wait(ctx)
		failing = false
		w.run(meanwhile...)
		for range 3 {
			w.requireOK(time.Millisecond)
		}
	}
}

// watchSettled is a world of which most rows are cold.
func watchSettled(t *testing.T) *watched {
	t.Helper()
	w := watch(t, 40_000, 31)
	for range 12 {
		w.pollAfter(15 * time.Second)
	}
	w.requireOK(15 * time.Second)
	return w
}

func (w *watched) pollAfter(pause time.Duration) told {
	w.t.Helper()
	w.now = w.now.Add(pause)
	return w.poll()
}

func (w *watched) requireOK(pause time.Duration) told {
	w.t.Helper()
	got := w.pollAfter(pause)
	require.NoError(w.t, got.err)
	require.True(w.t, w.right(got))
	return got
}
