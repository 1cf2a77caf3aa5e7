package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
)

// source is one method of one source, and what the envelope loses with it.
type source struct {
	method string
	// part is true if its section is answered without it.
	part bool
	lose func(e *domain.Envelope, code domain.Code)
}

func degraded(e *domain.Envelope, key string, code domain.Code) {
	report := e.Sections[key]
	report.Status, report.Code = domain.StatusDegraded, &code
	e.Sections[key] = report
}

func failed(e *domain.Envelope, key string, code domain.Code) {
	status := domain.StatusFailed
	if code == domain.CodeTimeout || code == domain.CodeStuck {
		status = domain.StatusTimeout
	}
	e.Sections[key] = domain.SectionReport{Status: status, Code: &code}
}

var sources = []source{
	{"ActiveTasks", false, func(e *domain.Envelope, code domain.Code) {
		failed(e, "stages", code)
		e.Stages = []domain.Stage{}
	}},
	{"StatusCounts", true, func(e *domain.Envelope, code domain.Code) {
		degraded(e, "queue", code)
		e.Queue.Counts, e.Queue.Depth = nil, nil
	}},
	{"Retries", true, func(e *domain.Envelope, code domain.Code) {
		degraded(e, "queue", code)
		e.Queue.Retries = nil
	}},
	{"WorkerState", true, func(e *domain.Envelope, code domain.Code) {
		degraded(e, "queue", code)
		e.Queue.Worker = domain.Worker{}
	}},
	{"RunningJobs", false, func(e *domain.Envelope, code domain.Code) {
		failed(e, "agents", code)
		e.Agents = []domain.Agent{}
		degraded(e, "cost", code)
		e.Cost.Running = []domain.RunningCost{}
		report := e.Sections["cost"]
		report.Rows = nil // 0 would mean that nothing runs
		e.Sections["cost"] = report
	}},
	{"CostTotals", true, func(e *domain.Envelope, code domain.Code) {
		degraded(e, "cost", code)
		e.Cost.Aggregate, e.Cost.ByModel = nil, []domain.ModelCost{}
	}},
	{"Sample", true, func(e *domain.Envelope, code domain.Code) {
		degraded(e, "agents", code)
		for i := range e.Agents {
			e.Agents[i].CPUTicks, e.Agents[i].Process = nil, nil
		}
	}},
}

// nilError is an error as Go code returns it by mistake: a nil pointer in an
// interface that is not nil.
type nilError struct{ cause error }

func (e *nilError) Error() string { return e.cause.Error() }
func (e *nilError) Unwrap() error { return e.cause }

// One failing source leaves the others intact, however it fails.
func TestOneFailingSourceLeavesTheOthersIntact(t *testing.T) {
	faults := map[string]struct {
		code  domain.Code
		fault func(context.Context) error
	}{
		"error": {domain.CodeSourceFailed, func(context.Context) error { return errors.New("no such thing") }},
		"error with a code": {domain.CodeDBBusy, func(context.Context) error {
			return fmt.Errorf("read: %w: %w", domain.CodeDBBusy, errors.New("locked"))
		}},
		"error of its context": {domain.CodeTimeout, func(context.Context) error {
			return fmt.Errorf("read: %w", context.DeadlineExceeded)
		}},
		"error that is a nil pointer": {domain.CodePanic, func(context.Context) error { return (*nilError)(nil) }},
		"panic":                       {domain.CodePanic, func(context.Context) error { panic("boom") }},
		"panic with nil pointer":      {domain.CodePanic, func(context.Context) error { return (*nilError)(nil).Unwrap() }},
		"end of its goroutine":        {domain.CodePanic, func(context.Context) error { runtime.Goexit(); return nil }},
	}
	for _, source := range sources {
		for name, f := range faults {
			t.Run(source.method+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				w.breaks(source.method, f.fault)
				want := healthy()
				source.lose(&want, f.code)
				assert.Equal(t, want, scrape(t, w.service(t)))
			})
		}
	}
}

// A source that hangs costs the scrape no more than its time, and nothing else
// is lost. While it hangs it is not called again; when it comes back all is well.
func TestOneHangingSourceLeavesTheOthersIntact(t *testing.T) {
	for _, source := range sources {
		t.Run(source.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				release := make(chan struct{})
				w.breaks(source.method, func(context.Context) error { <-release; return nil })
				service := w.service(t)

				began := time.Now()
				want := healthy()
				source.lose(&want, domain.CodeTimeout)
				assert.Equal(t, want, scrape(t, service))
				if source.part {
					assert.Less(t, time.Since(began), timeout, "the section answers in time without it")
				} else {
					assert.Equal(t, timeout, time.Since(began))
				}

				for range 3 {
					began = time.Now()
					want = healthy()
					source.lose(&want, domain.CodeStuck)
					assert.Equal(t, want, scrape(t, service))
					assert.Zero(t, time.Since(began), "it is not waited for again")
				}
				assert.Equal(t, 1, w.called(source.method))

				close(release)
				synctest.Wait()
				assert.Equal(t, healthy(), scrape(t, service))
				assert.Equal(t, 2, w.called(source.method))
			})
		})
	}
}

func TestAllSourcesHangingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		for _, source := range sources {
			w.breaks(source.method, func(context.Context) error { <-release; return nil })
		}
		service := w.service(t)
		began := time.Now()
		envelope := scrape(t, service)
		assert.Equal(t, timeout, time.Since(began))
		for key, report := range envelope.Sections {
			assert.Equal(t, domain.StatusTimeout, report.Status, key)
			assert.Equal(t, new(domain.CodeTimeout), report.Code, key)
		}
		assert.Equal(t, []domain.Stage{}, envelope.Stages)
		assert.Nil(t, envelope.Queue)
		assert.Equal(t, []domain.Agent{}, envelope.Agents)
		assert.Nil(t, envelope.Cost)
		close(release)
		synctest.Wait()
		assert.Equal(t, healthy(), scrape(t, service))
	})
}

// A source that hangs is not called again through another section either.
func TestStuckSourceIsNotCalledByANarrowedScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		w.breaks("RunningJobs", func(context.Context) error { <-release; return nil })
		service := w.service(t)
		assert.Equal(t, domain.CodeTimeout, *scrape(t, service, "cost").Sections["cost"].Code)
		assert.Equal(t, domain.CodeStuck, *scrape(t, service, "agents").Sections["agents"].Code)
		assert.Equal(t, 1, w.called("RunningJobs"))
		close(release)
		synctest.Wait()
		assert.Equal(t, domain.StatusOK, scrape(t, service, "agents").Sections["agents"].Status)
	})
}

// What a late call returns is dropped: it must not turn up in a later scrape.
func TestLateAnswerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		w.breaks("ActiveTasks", func(context.Context) error { <-release; return nil })
		service := w.service(t)
		late := scrape(t, service)
		close(release)
		synctest.Wait()
		assert.Empty(t, late.Stages)
		w.breaks("ActiveTasks", func(context.Context) error { return domain.CodeDBMissing })
		assert.Equal(t, domain.CodeDBMissing, *scrape(t, service).Sections["stages"].Code)
	})
}

// Sources that end with their context leave nothing behind that is stuck.
func TestSourceThatHonoursItsContextIsCalledEachTime(t *testing.T) {
	for _, source := range sources {
		t.Run(source.method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.breaks(source.method, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				service := w.service(t)
				for range 3 {
					want := healthy()
					source.lose(&want, domain.CodeTimeout)
					assert.Equal(t, want, scrape(t, service))
					synctest.Wait()
				}
				assert.Equal(t, 3, w.called(source.method))
			})
		})
	}
}
