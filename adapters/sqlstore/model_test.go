package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/rollup"
)

// The model tests let a random orchestrator, and a random owner, do many things
// between two scrapes of a real database, and compare what the ports say with sums
// that the orchestrator's own connection makes of all rows. The clock is theirs: a
// statement over a block takes a fixed time on it.

const (
	perBlock = 2 * time.Millisecond
	recount  = 0.01
)

// watched is a world and a store that is polled.
type watched struct {
	*world

	store    *Store
	perBlock time.Duration
	blocks   int                   // statements over a block so far
	onBlock  func(context.Context) // called at each of them, if it is not nil
}

func watch(t *testing.T, rows int, seed uint64) *watched {
	t.Helper()
	world := newWorld(t, rows, seed)
	return watchOver(t, world, openStore(t, world.path, time.Minute, Options{MaxRows: 10_000, Recount: recount, now: world.clock}))
}

// watchOver is a world that a store reads.
func watchOver(t *testing.T, world *world, store *Store) *watched {
	t.Helper()
	w := &watched{world: world, store: store, perBlock: perBlock}
	conn, _, err := w.store.engine.Connect(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Session(t.Context()).Callback().Row().After("gorm:row").Register("charge", func(tx *gorm.DB) {
		if strings.Contains(tx.Statement.SQL.String(), "BETWEEN") {
			w.now = w.now.Add(w.perBlock)
			w.blocks++
			if w.onBlock != nil {
				w.onBlock(tx.Statement.Context)
			}
		}
	}))
	return w
}

// pause is the time from one poll to the next, in which fn is called so many times.
func (w *watched) pause(times int, fn func()) time.Duration {
	pause := 3*time.Second + time.Duration(w.random.IntN(12_000))*time.Millisecond
	for range times {
		w.now = w.now.Add(pause / time.Duration(times+1))
		fn()
	}
	w.now = w.now.Add(pause / time.Duration(times+1))
	w.commit()
	return pause
}

// told is what the ports say of all jobs and runs, as lines.
type told struct {
	lines     []string
	costs     []float64 // of each model, by name
	countedAt time.Time
	err       error
}

func (w *watched) poll() (got told) {
	ctx, end := w.store.View(context.Background())
	defer w.wait(ctx)
	defer end()
	return w.tell(ctx)
}

// wait waits until old rows were read again, too, in a view that has ended for its reader.
func (w *watched) wait(ctx context.Context) {
	view, _ := ctx.Value(scrapeKey{w.store}).(*scrape)
	for view.Ended() == nil {
		time.Sleep(50 * time.Microsecond)
	}
}

// tell reads from the ports.
func (w *watched) tell(ctx context.Context) (got told) {
	counts, err1 := w.store.StatusCounts(ctx)
	retries, err2 := w.store.Retries(ctx)
	costs, err3 := w.store.CostTotals(ctx)
	jobs, err4 := w.store.RunningJobs(ctx)
	got.err = errors.Join(err1, err2, err3, err4)
	if counts.CountedAt == nil || retries.Value == nil || costs.Value == nil {
		return got
	}
	c, r := counts.Value, retries.Value
	got.countedAt = *counts.CountedAt
	if costs.CountedAt.Before(got.countedAt) {
		got.countedAt = *costs.CountedAt
	}
	got.lines = []string{
		fmt.Sprint(c["queued"], " ", c["running"], " ", c["done"], " ", c["failed"], " ", c["cancelled"], " ", len(c)),
		fmt.Sprint(r.RetriedJobs, " ", r.RetriesTotal, " ", r.MaxAttemptsSeen),
		fmt.Sprint(costs.Value.Runs, " ", *costs.Value.InputTokens),
		strconv.Itoa(len(jobs.Value)),
	}
	var sum float64
	for _, m := range costs.Value.ByModel {
		sum += *m.CostUSD
	}
	if sum != *costs.Value.CostUSD { // to the bit
		got.err = errors.Join(got.err, fmt.Errorf("the models cost %g, all runs %g", sum, *costs.Value.CostUSD))
	}
	slices.SortFunc(costs.Value.ByModel, byName)
	models := make([]string, len(costs.Value.ByModel))
	for i, m := range costs.Value.ByModel {
		name := "-"
		if m.Model != nil {
			name = *m.Model
		}
		models[i] = fmt.Sprint(name, " ", m.Runs, " ", *m.InputTokens)
		got.costs = append(got.costs, *m.CostUSD)
	}
	got.lines = append(got.lines, strings.Join(models, ", "))
	return got
}

// right compares what was told with sums over all rows.
func (w *watched) right(got told) bool {
	w.t.Helper()
	return w.equal(got, w.sums())
}

func (w *watched) equal(got told, want []string) bool {
	w.t.Helper()
	costs := strings.Fields(want[0])
	if !slices.Equal(want[1:], got.lines) || len(costs) != len(got.costs) {
		return false
	}
	for i, text := range costs {
		cost, err := strconv.ParseFloat(text, 64)
		require.NoError(w.t, err)
		if math.Abs(cost-got.costs[i]) > 1e-12*math.Abs(cost) {
			return false
		}
	}
	return true
}

// sums are the sums over all rows, as another connection sees them.
func (w *watched) sums() []string {
	w.t.Helper()
	return w.run(
		"SELECT group_concat(cost, ' ') FROM (SELECT printf('%!.17g', total(cost_usd)) cost FROM agent_runs GROUP BY model ORDER BY model)",
		`SELECT sum(status = 'queued') || ' ' || sum(status = 'running') || ' ' || sum(status = 'done') || ' ' || sum(status = 'failed')
			|| ' ' || sum(status = 'cancelled') || ' 5' FROM jobs`,
		"SELECT count(CASE WHEN attempts > 1 THEN 1 END) || ' ' || sum(max(attempts - 1, 0)) || ' ' || max(attempts) FROM jobs",
		"SELECT count(*) || ' ' || coalesce(sum(input_tokens), 0) FROM agent_runs",
		"SELECT count(*) FROM jobs WHERE status = 'running'",
		`SELECT group_concat(line, ', ') FROM (SELECT coalesce(model, '-') || ' ' || count(*) || ' ' || coalesce(sum(input_tokens), 0) line
			FROM agent_runs GROUP BY model ORDER BY model)`,
	)
}

// polls is how many polls the long versions of these tests make; few by default.
func polls(t *testing.T, few int) int {
	t.Helper()
	if many, err := strconv.Atoi(os.Getenv("ORCHMETRICS_MODEL_POLLS")); err == nil {
		return many
	}
	return few
}

// sizes are how many rows the tables have: more in the long versions.
func sizes(t *testing.T) (rows []int) {
	t.Helper()
	for text := range strings.SplitSeq(os.Getenv("ORCHMETRICS_MODEL_ROWS"), ",") {
		if n, err := strconv.Atoi(text); err == nil {
			rows = append(rows, n)
		}
	}
	if rows == nil {
		rows = []int{10_000}
	}
	return rows
}

// TestModel_SmallTable: what is small is right, whatever was changed and by whom.
func TestModel_SmallTable(t *testing.T) {
	t.Parallel()
	smallTable(t, watch(t, 1000, 1), 200)
}

func smallTable(t *testing.T, w *watched, few int) {
	t.Helper()
	for i := range polls(t, few) {
		w.pause(w.random.IntN(20), func() {
			switch n := w.random.IntN(60); {
			case n == 0:
				w.maintain()
			case n < 20:
				w.anything()
			default:
				w.work()
			}
		})
		if w.lastJob-w.firstJob > 1800 {
			w.prune(1000)
			w.commit()
		}
		got := w.poll()
		w.scraped()
		require.NoError(t, got.err, "poll %d", i)
		require.True(t, w.right(got), "poll %d: %v, not %v", i, got, w.sums())
	}
}

// anything changes any row.
func (w *world) anything() {
	id := w.firstJob + w.random.Int64N(w.lastJob-w.firstJob+1)
	delete(w.jobs, id)
	delete(w.runs, id)
	switch w.random.IntN(4) {
	case 0:
		w.do("UPDATE jobs SET status = '%s', attempts = %d WHERE id = %d", countedStatuses[w.random.IntN(len(countedStatuses))], w.random.IntN(9), id)
	case 1:
		w.do("DELETE FROM jobs WHERE id = %d", id)
	case 2:
		w.do("UPDATE agent_runs SET cost_usd = %d / 8.0, input_tokens = %d WHERE id = %d", w.random.IntN(100), w.random.IntN(100), id)
	case 3:
		w.do("DELETE FROM agent_runs WHERE id = %d", id)
	}
}

// TestModel_Work: whatever an orchestrator does between two polls to rows that are
// new, that wait or run, or that did so a moment ago, in any order of statements, the
// sums are right and not in doubt, however long the history is.
func TestModel_Work(t *testing.T) {
	t.Parallel()
	for _, rows := range sizes(t) {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			t.Parallel()
			workOnly(t, watch(t, rows, 2), 100)
		})
	}
}

func workOnly(t *testing.T, w *watched, few int) {
	t.Helper()
	other := false
	for i := range polls(t, few) {
		w.pause(w.random.IntN(30), w.work)
		switch w.random.IntN(60) {
		case 0:
			w.burst(int64(w.random.IntN(4000)))
		case 1:
			w.prune(500)
		case 2:
			other = w.maintain()
		}
		w.commit()
		got := w.poll()
		w.scraped()
		if other = other && errors.Is(got.err, domain.CodeRecounting); other {
			continue
		}
		require.NoError(t, got.err, "poll %d", i)
		require.True(t, w.right(got), "poll %d: %v, not %v", i, got, w.sums())
	}
}

// TestModel_History: an old row that was changed unseen is found within one rotation;
// until then the sums say that they are of before the change, and from then on all is
// right or in doubt.
func TestModel_History(t *testing.T) {
	t.Parallel()
	for _, rows := range sizes(t) {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			t.Parallel()
			historyEdited(t, watch(t, rows, 3), rows, 60)
		})
	}
}

func historyEdited(t *testing.T, w *watched, rows, few int) {
	t.Helper()
	require.NoError(t, w.poll().err)
	var pass time.Duration // that it takes to find the change
	var edited time.Time   // zero if all was right
	var read time.Duration // that was saved up for since then
	found := false
	for i := range polls(t, few) {
		if edited.IsZero() {
			pass = time.Duration(2*(rows/rollup.BlockRows+1)) * perBlock
			if all := w.edit(); all {
				pass = 0 // whatever is read next is changed
			}
			edited, read, found = w.now, 0, false
		}
		pause := w.pause(w.random.IntN(10), w.work)
		late := read >= pass
		read += min(50*time.Millisecond, time.Duration(recount*float64(pause)))
		got := w.poll()
		w.scraped()
		right := w.right(got)
		doubted := errors.Is(got.err, domain.CodeRecounting)
		if !doubted {
			require.NoError(t, got.err, "poll %d", i)
		}
		found = found || right || doubted
		switch {
		case right:
			edited = time.Time{}
		case !found:
			require.False(t, late, "poll %d: the change is not found within a rotation", i)
			require.False(t, got.countedAt.After(edited), "poll %d: counted at %s, after the change", i, got.countedAt)
		default:
			require.True(t, doubted, "poll %d: it was found, and is forgotten again", i)
		}
	}
}
