package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// crowd is what a process tells that has scraped a database three times.
type crowd struct {
	Counts  []domain.StatusCounts
	Running int // listed by the first scrape
	Failure string
	Took    []time.Duration
	PeakKB  int64 // of its memory, the program itself included
}

func readCrowd(path string) (told crowd) {
	e, err := sqlite.New(path, 4*time.Minute)
	if err != nil {
		return crowd{Failure: err.Error()}
	}
	store, err := New(e, Options{MaxRows: 10_000, Recount: 0.01})
	for range 3 {
		began := time.Now()
		ctx, end := store.View(context.Background())
		ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
		jobs, err1 := store.RunningJobs(ctx)
		counts, err2 := store.StatusCounts(ctx)
		_, err3 := store.Retries(ctx)
		_, err4 := store.CostTotals(ctx)
		cancel()
		end()
		told.Took = append(told.Took, time.Since(began))
		told.Counts, told.Running = append(told.Counts, counts.Value), len(jobs.Value)
		err = errors.Join(err, err1, err2, err3, err4)
	}
	if err != nil {
		told.Failure = err.Error()
	}
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		_, _ = fmt.Sscan(after, &told.PeakKB)
	}
	return told
}

// TestManyActiveRows: a queue of any length is counted at the first answer, in bounded
// memory.
func TestManyActiveRows(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
		INSERT INTO jobs (id, status, attempts, run_id) SELECT i, CASE WHEN i % 5 < 3 THEN 'queued' ELSE 'running' END, i % 4,
			CASE WHEN i % 5 >= 3 THEN i END FROM n;
		INSERT INTO agent_runs (id) SELECT run_id FROM jobs WHERE run_id IS NOT NULL`)
	output, err := self(t, roleCrowd, path).Output()
	require.NoError(t, err)
	var told crowd
	require.NoError(t, json.Unmarshal(output, &told))
	t.Log("three scrapes took", told.Took, "at a peak of", told.PeakKB/1024, "MB")
	require.Empty(t, told.Failure)
	assert.Equal(t, 10_000, told.Running)
	for _, counts := range told.Counts {
		assert.Equal(t, domain.StatusCounts{"queued": 300_000, "running": 200_000, "done": 0, "failed": 0, "cancelled": 0}, counts)
	}
	if !raceDetector { // which needs several bytes for each
		assert.Less(t, told.PeakKB, int64(150*1024))
	}
}
