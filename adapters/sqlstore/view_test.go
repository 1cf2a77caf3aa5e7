package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestViewShowsOneState reads while another process commits between any two
// readings.
func TestViewShowsOneState(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	writer := startWriter(t, path)
	commit := func(n int) {
		writer.run("BEGIN",
			fmt.Sprintf("INSERT INTO tasks (id, stage) VALUES (%d, 's')", n),
			fmt.Sprintf("INSERT INTO agent_runs (id, cost_usd) VALUES (%d, 1)", n),
			fmt.Sprintf("INSERT INTO jobs (id, status, run_id, attempts) VALUES (%[1]d, 'running', %[1]d, 2)", n),
			"COMMIT")
	}
	writer.run("CREATE TABLE other (x)") // from now on the database is live
	store := newStore(t, path)
	for n := range 5 {
		view, end := store.View(t.Context())
		tasks, err := store.ActiveTasks(view)
		require.NoError(t, err)
		commit(10*n + 1)
		agents, err := store.RunningJobs(view)
		require.NoError(t, err)
		commit(10*n + 2)
		again, err := store.RunningJobs(view)
		require.NoError(t, err)
		assert.Equal(t, agents, again, "agents and their cost must come from the same rows")
		counts, err := store.StatusCounts(view)
		require.NoError(t, err)
		commit(10*n + 3)
		retries, err := store.Retries(view)
		require.NoError(t, err)
		costs, err := store.CostTotals(view)
		require.NoError(t, err)
		end()

		want := int64(3 * n)
		assert.Equal(t, []int64{want, want, want, want, want}, []int64{
			int64(len(tasks.Value)), int64(len(agents.Value)), counts.Value["running"], retries.Value.RetriedJobs, costs.Value.Runs,
		})
	}
	assert.Empty(t, descriptors(t, path))
}

func TestReadingsWithoutAView(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	writer := startWriter(t, path)
	store := newStore(t, path)
	for n := range 3 {
		tasks, err := store.ActiveTasks(t.Context())
		require.NoError(t, err)
		assert.Len(t, tasks.Value, 4+n)
		writer.run("INSERT INTO tasks (stage) VALUES ('s')")
		assert.Empty(t, descriptors(t, path), "nothing may stay open")
	}
}

// TestViewsOfTwoStores share one context.
func TestViewsOfTwoStores(t *testing.T) {
	t.Parallel()
	one, two := newStore(t, newDB(t, walMode, script(t, "busy.sql"))), newStore(t, newDB(t, walMode))
	view, endOne := one.View(t.Context())
	view, endTwo := two.View(view)
	defer endTwo()
	tasks, err := one.ActiveTasks(view)
	require.NoError(t, err)
	assert.Len(t, tasks.Value, 4)
	endOne()
	tasks, err = two.ActiveTasks(view)
	require.NoError(t, err)
	assert.Empty(t, tasks.Value)
	_, err = one.ActiveTasks(view)
	require.Error(t, err)
}

func TestEndOfAView(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	startWriter(t, path).run("UPDATE tasks SET repo = 'web' WHERE id = 7")
	store := newStore(t, path)
	view, end := store.View(t.Context())
	assert.Empty(t, descriptors(t, path), "a view opens nothing by itself")
	_, err := store.ActiveTasks(view)
	require.NoError(t, err)
	assert.NotEmpty(t, descriptors(t, path))
	end()
	assert.Empty(t, descriptors(t, path), "the end closes the database, -wal and -shm")
	_, err = store.RunningJobs(view)
	require.ErrorIs(t, err, domain.CodeTimeout)
	assert.Empty(t, descriptors(t, path), "an ended view opens nothing again")

	unread, end := store.View(t.Context())
	end()
	_, err = store.ActiveTasks(unread)
	require.ErrorIs(t, err, domain.CodeTimeout)
}

// TestEndInterruptsTheReading: not parallel, so that goroutines can be counted.
func TestEndInterruptsTheReading(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	path := newDB(t, walMode, script(t, "busy.sql"), slowView("tasks", "id, stage", "1, 's'"))
	store := newStore(t, path)
	view, end := store.View(context.Background()) // without a deadline
	failure := make(chan error, 2)
	go func() {
		_, err := store.ActiveTasks(view)
		failure <- err
	}()
	require.Eventually(t, func() bool { return len(descriptors(t, path)) > 0 }, patient, often, "the reading must be under way")
	go func() { // this one waits for its turn
		_, err := store.RunningJobs(view)
		failure <- err
	}()
	time.Sleep(10 * time.Millisecond)
	began := time.Now()
	end()
	assert.Less(t, time.Since(began), 5*time.Second, "the end must not wait")
	for range 2 {
		select {
		case err := <-failure:
			require.ErrorIs(t, err, domain.CodeTimeout)
		case <-time.After(patient):
			t.Fatal("the reading goes on")
		}
	}
	require.Eventually(t, func() bool { return len(descriptors(t, path)) == 0 }, patient, often)
	goleak.VerifyNone(t, ignore)
}

// TestReadingOfAnotherContext: a reading whose own context ends says nothing of
// the database, and the others of the view go on.
func TestReadingOfAnotherContext(t *testing.T) {
	t.Parallel()
	store := newStore(t, newDB(t, walMode, script(t, "busy.sql")))
	for range 50 { // which of two ready channels is taken is chance
		view, end := store.View(t.Context())
		ended, cancel := context.WithCancel(view)
		cancel()
		_, err := store.ActiveTasks(ended)
		if err != nil {
			require.ErrorIs(t, err, domain.CodeTimeout)
		}
		_, err = store.ActiveTasks(view)
		require.NoError(t, err)
		end()
	}
}

// TestFairShare: a slow source gets half of the time that is left, and the others
// still answer.
func TestFairShare(t *testing.T) {
	t.Parallel()
	slow := map[string]string{
		"stages": slowView("tasks", "id, stage, work_item_id", "1, 's', 'w'"),
		"cost":   slowView("agent_runs", "id, cost_usd", "1, 0.5"),
		"agents": slowView("jobs", "id, status, attempts", "1, 'running', 1"),
	}
	affected := map[string][]string{"stages": {"stages"}, "cost": {"cost", "agents"}, "agents": {"agents", "counts", "retries"}}
	want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
	for source, statement := range slow {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			store := newStore(t, newDB(t, walMode, script(t, "busy.sql"), statement))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			got := resultsIn(ctx, store)
			require.ErrorIs(t, got[source].err, domain.CodeTimeout)
			require.NoError(t, ctx.Err(), "there must be time left for the others")
			want := want
			if source == "stages" {
				want = withoutTickets(want)
			}
			requireOthersEqual(t, want, got, affected[source]...)
		})
	}
}

// TestManyScrapesAtOnce is for the race detector, and for what stays open.
func TestManyScrapesAtOnce(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, script(t, "busy.sql"))
	writer := startWriter(t, path)
	writer.run("UPDATE jobs SET attempts = 1")
	store := newStore(t, path)
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 20 {
				for name, got := range resultsIn(t.Context(), store) {
					assert.NoError(t, got.err, name)
				}
			}
		}()
	}
	for range 50 {
		writer.run("UPDATE jobs SET attempts = coalesce(attempts, 0) + 1", "INSERT INTO agent_runs (cost_usd) VALUES (1)")
		runtime.Gosched()
	}
	for range 4 {
		<-done
	}
	require.Eventually(t, func() bool { return len(descriptors(t, path)) == 0 }, patient, often)
}

// TestReadOnlyLeavesNoTrace reads the ways a scrape does, again and again.
func TestReadOnlyLeavesNoTrace(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{true, false} {
		path := newDB(t, walMode, script(t, "busy.sql"))
		if live {
			startWriter(t, path).run("UPDATE tasks SET repo = 'web' WHERE id = 7")
		}
		store := newStore(t, path)
		before := listing(t, filepath.Dir(path))
		for range 100 {
			scrapeOnce(t, store)
		}
		require.Eventually(t, func() bool { return len(descriptors(t, path)) == 0 }, patient, often)
		assert.Equal(t, before, listing(t, filepath.Dir(path)), "live: %t", live)
	}
}
