package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// journal is a log that can be read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(line)
}

// take returns the entries since it was last called, without their time.
func (j *journal) take(t *testing.T) []map[string]any {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	var entries []map[string]any
	for dec := json.NewDecoder(&j.buf); dec.More(); {
		var entry map[string]any
		require.NoError(t, dec.Decode(&entry))
		delete(entry, "time")
		entries = append(entries, entry)
	}
	return entries
}

func loggedWorld(t *testing.T) (*world, *journal) {
	t.Helper()
	w, j := newWorld(t), &journal{}
	w.opts.Logger = slog.New(slog.NewJSONHandler(j, nil))
	return w, j
}

func fails(err error) func(context.Context) error { return func(context.Context) error { return err } }

func TestStatusChangeIsLoggedOnce(t *testing.T) {
	w, log := loggedWorld(t)
	service := w.service(t)
	scrape(t, service)
	assert.Empty(t, log.take(t), "ok is taken for granted")

	w.breaks("ActiveTasks", fails(fmt.Errorf("read tasks: %w: %w", domain.CodeDBBusy, errors.New("the cause"))))
	for range 3 {
		scrape(t, service)
	}
	assert.Equal(t, []map[string]any{{
		"level": "WARN", "msg": "section not ok", "section": "stages", "status": "failed", "code": "db_busy",
		"cause": "read tasks: db_busy: the cause",
	}}, log.take(t))

	w.breaks("ActiveTasks", fails(errors.New("another cause")))
	for range 3 {
		scrape(t, service, "stages")
	}
	assert.Equal(t, []map[string]any{{
		"level": "WARN", "msg": "section not ok", "section": "stages", "status": "failed", "code": "source_failed", "cause": "another cause",
	}}, log.take(t), "another code is a change too")

	scrape(t, service, "queue")
	assert.Empty(t, log.take(t), "of a section that was not asked nothing is known")

	w.breaks("ActiveTasks", nil)
	for range 3 {
		scrape(t, service)
	}
	assert.Equal(t, []map[string]any{
		{"level": "INFO", "msg": "section recovered", "section": "stages", "status": "ok"},
	}, log.take(t))
}

func TestDegradedSectionIsLogged(t *testing.T) {
	w, log := loggedWorld(t)
	service := w.service(t)
	missing := fmt.Errorf("open: %w", domain.CodeDBMissing)
	w.breaks("StatusCounts", fails(missing))
	w.breaks("Retries", fails(missing))
	w.breaks("WorkerState", fails(errors.New("gone")))
	scrape(t, service)
	w.breaks("Retries", nil)
	scrape(t, service)
	entries := log.take(t)
	require.Len(t, entries, 2)
	assert.Equal(t, "failed", entries[0]["status"])
	assert.Equal(t, "open: db_missing\ngone", entries[0]["cause"], "each cause once")
	assert.Equal(t, "degraded", entries[1]["status"], "the status changed, the code did not")
	assert.Equal(t, entries[0]["code"], entries[1]["code"])
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	for _, source := range sources {
		t.Run(source.method, func(t *testing.T) {
			w, log := loggedWorld(t)
			w.breaks(source.method, panicsHere)
			scrape(t, w.service(t))
			entries := log.take(t)
			require.NotEmpty(t, entries)
			for _, entry := range entries {
				assert.Equal(t, "panic", entry["code"])
				assert.Equal(t, "panic: boom", entry["cause"])
				assert.Contains(t, entry["stack"], "panicsHere", "where it came from")
			}
		})
	}
}

func panicsHere(context.Context) error { panic("boom") }

func TestTimeoutThenStuckIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := loggedWorld(t)
		service := w.service(t)
		release := make(chan struct{})
		w.breaks("ActiveTasks", func(context.Context) error { <-release; return nil })
		for range 3 {
			scrape(t, service)
		}
		close(release)
		synctest.Wait()
		scrape(t, service)
		var codes []any
		for _, entry := range log.take(t) {
			codes = append(codes, entry["code"])
		}
		assert.Equal(t, []any{"timeout", "stuck", nil}, codes)
	})
}

func TestDisabledSectionIsNotLogged(t *testing.T) {
	w, log := loggedWorld(t)
	w.opts.Disabled = []string{"stages"}
	scrape(t, w.service(t))
	assert.Empty(t, log.take(t))
}

// A section that changes with each scrape is told of now and then, with how often
// it did, and in the end the log has what it is.
func TestFlappingSectionIsLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := loggedWorld(t)
		service := w.service(t)
		changes := 0
		set := func(fault error) {
			w.breaks("ActiveTasks", fails(fault))
			if fault == nil {
				w.breaks("ActiveTasks", nil)
			}
			scrape(t, service)
			changes++
			time.Sleep(300 * time.Millisecond)
		}
		for range 100 { // a minute
			set(domain.CodeDBBusy)
			set(nil)
		}
		set(domain.CodeDBCorrupt)
		time.Sleep(time.Minute)
		scrape(t, service)
		scrape(t, service)

		entries := log.take(t)
		assert.Equal(t, []any{"section not ok", "section recovered", "section not ok"}, []any{entries[0]["msg"], entries[1]["msg"], entries[2]["msg"]},
			"a few changes are told at once")
		assert.InDelta(t, 6+6+1, len(entries), 1.1, "then one in ten seconds")
		told := 0
		for _, entry := range entries {
			suppressed, _ := entry["suppressed"].(float64)
			told += 1 + int(suppressed)
		}
		assert.Equal(t, changes, told, "each change is told or counted")
		assert.Equal(t, "db_corrupt", entries[len(entries)-1]["code"])
	})
}

// One that flaps takes nothing from the others.
func TestFlappingSectionHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := loggedWorld(t)
		service := w.service(t)
		for range 20 {
			w.breaks("ActiveTasks", fails(domain.CodeDBBusy))
			scrape(t, service)
			w.breaks("ActiveTasks", nil)
			scrape(t, service)
		}
		log.take(t)
		w.breaks("CostTotals", fails(domain.CodeDBBusy))
		scrape(t, service)
		assert.Equal(t, []map[string]any{{
			"level": "WARN", "msg": "section not ok", "section": "cost", "status": "degraded", "code": "db_busy", "cause": "db_busy",
		}}, log.take(t))
	})
}

func TestParallelScrapesLogAChangeOnce(t *testing.T) {
	w, log := loggedWorld(t)
	w.opts.SectionTimeout = time.Minute
	w.breaks("CostTotals", fails(domain.CodeDBBusy))
	service := w.service(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { scrape(t, service) })
	}
	group.Wait()
	entries := log.take(t)
	require.Len(t, entries, 1)
	assert.Equal(t, "cost", entries[0]["section"])
	assert.Equal(t, "section not ok", entries[0]["msg"])
}

// TestBlockedLogHoldsUpNoOther: who has nothing to say does not wait for who has.
func TestBlockedLogHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	reader, writer := io.Pipe()
	w.opts.Logger = slog.New(slog.NewJSONHandler(writer, nil))
	w.breaks("CostTotals", fails(domain.CodeDBBusy))
	service := w.service(t)
	var group sync.WaitGroup
	defer group.Wait()
	defer reader.Close()
	group.Go(func() { scrape(t, service) })
	_, err := reader.Read(make([]byte, 1)) // the rest of the line is not read
	require.NoError(t, err)
	other := make(chan struct{})
	group.Go(func() { defer close(other); scrape(t, service) })
	select {
	case <-other:
	case <-time.After(10 * time.Second):
		t.Error("it waits for the log")
	}
}
