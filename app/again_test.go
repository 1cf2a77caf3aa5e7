package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/app"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// revised is what every source of a test says of its revision.
type revised func(context.Context) (any, bool)

func (r revised) Revision(ctx context.Context) (any, bool) { return r(ctx) }

type (
	revisedStages struct {
		ports.StageSource
		revised
	}
	revisedQueue struct {
		ports.QueueSource
		revised
	}
	revisedAgents struct {
		ports.AgentSource
		revised
	}
	revisedCost struct {
		ports.CostSource
		revised
	}
	revisedWorker struct {
		state ports.WorkerState
		revised
	}
)

func (w revisedWorker) WorkerState(ctx context.Context) (*domain.Worker, error) {
	return w.state.WorkerState(ctx)
}

// unmoved is a world in a bubble of time, whose sources have revisions and whose
// clock stands until the test moves it.
type unmoved struct {
	*world

	at       domain.Instant
	revision any
	asked    func(context.Context) // when a source is asked for its revision
	worker   any
	service  *app.Service
}

func newUnmoved(t *testing.T) *unmoved {
	t.Helper()
	u := &unmoved{world: newWorld(t), at: now, revision: 1, worker: "w", asked: func(context.Context) {}}
	u.clock = mocks.NewClock(t)
	u.clock.EXPECT().Now().RunAndReturn(func() domain.Instant { return u.at })
	u.build(t)
	return u
}

func (u *unmoved) build(t *testing.T, extra ...ports.Section) {
	t.Helper()
	store := revised(func(ctx context.Context) (any, bool) {
		u.asked(ctx)
		return u.revision, u.revision != nil
	})
	agents := revisedAgents{u.agents, store}
	running := app.NewRunningJobs(agents)
	sections := append([]ports.Section{
		app.NewStages(revisedStages{u.stages, store}),
		app.NewQueue(revisedQueue{u.queue, store}, revisedWorker{u.world.worker, func(context.Context) (any, bool) { return u.worker, true }}),
		app.NewAgents(running, u.cpu),
		app.NewCost(running, revisedCost{u.cost, store}),
	}, extra...)
	var err error
	u.service, err = app.NewService(sections, []ports.Viewer{running}, u.clock, u.cpu, u.opts)
	require.NoError(t, err)
}

// reads tells whether a scrape asks the sources. Whatever it does, it must show
// what there is, at the instant of the clock.
func (u *unmoved) reads(t *testing.T, keys ...string) bool {
	t.Helper()
	before := u.called("ActiveTasks")
	got := scrape(t, u.service, keys...)
	assert.Equal(t, u.at, got.Clock)
	assert.Equal(t, u.at.Time(), got.GeneratedAt)
	if len(keys) == 0 && u.at.Time().Equal(noon) {
		want := healthy()
		want.Clock = u.at
		assert.Equal(t, want, got)
	}
	encoded, release, err := u.service.SnapshotJSON(t.Context(), keys...)
	require.NoError(t, err)
	var decoded domain.Envelope
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	release()
	assert.Equal(t, got.Clock, decoded.Clock)
	assert.Equal(t, got.Stages, decoded.Stages)
	return u.called("ActiveTasks") > before
}

func TestAgain_UnchangedSourcesAreNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		assert.True(t, u.reads(t), "the first")
		assert.False(t, u.reads(t))
		u.at.UnixMS += 9
		time.Sleep(9 * time.Millisecond)
		assert.False(t, u.reads(t), "within a clock tick")
		u.revision = 2
		assert.True(t, u.reads(t), "the database has changed")
		assert.False(t, u.reads(t))
		u.worker = "another"
		assert.True(t, u.reads(t), "the worker's state has changed")
		assert.False(t, u.reads(t))
		u.revision = nil
		assert.True(t, u.reads(t), "it is not known whether anything has changed")
		assert.True(t, u.reads(t))
		u.revision = 2
		assert.True(t, u.reads(t), "what is kept is of a time when nothing was known")
		assert.False(t, u.reads(t))
	})
}

// TestAgain_NobodyIsAskedInVain: what a scrape comes to is good for one clock tick,
// so that one which comes alone need not know what it depends on.
func TestAgain_NobodyIsAskedInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		asked := 0
		u.asked = func(context.Context) { asked++ }
		for range 3 {
			scrape(t, u.service)
			time.Sleep(10 * time.Millisecond)
		}
		assert.Zero(t, asked)
		scrape(t, u.service)
		scrape(t, u.service)
		assert.Positive(t, asked, "the next came soon")
	})
}

func TestAgain_TheClockDecidesToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		u.reads(t)
		time.Sleep(10 * time.Millisecond)
		assert.True(t, u.reads(t), "a clock tick is over: processes may have worked")
		u.at.UnixMS += 10
		assert.True(t, u.reads(t), "the same on the scrapes' own clock")
		u.at.UnixMS = noon.UnixMilli() + 999
		assert.True(t, u.reads(t))
		u.at.UnixMS++
		assert.True(t, u.reads(t), "the next second: every age is another")
		u.at.UnixMS -= 2000
		assert.True(t, u.reads(t), "the clock was put back")
	})
}

func TestAgain_OnlyWhatIsCompleteAndWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		u.breaks("CostTotals", func(context.Context) error { return errors.New("no") })
		for range 3 {
			before := u.called("CostTotals")
			assert.Equal(t, domain.StatusDegraded, scrape(t, u.service).Sections["cost"].Status)
			assert.Greater(t, u.called("CostTotals"), before, "a failure is not shown again")
		}
		u.breaks("CostTotals", nil)
		assert.True(t, u.reads(t))
		assert.False(t, u.reads(t))
		assert.True(t, u.reads(t, "stages"), "what is narrowed is read")

		plain := mocks.NewSection(t)
		plain.EXPECT().Key().Return("plain")
		plain.EXPECT().Default().Return(nil)
		plain.EXPECT().Collect(mock.Anything).Return("value", nil).Times(3)
		u.build(t, plain)
		for range 3 {
			scrape(t, u.service) // a section that does not know whether it changed
		}
	})
}

// TestAgain_LookingIsIsolated: a source that cannot say what it is of costs a scrape
// little, and nothing else.
func TestAgain_LookingIsIsolated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		u.reads(t)
		u.asked = func(context.Context) { panic("boom") }
		assert.True(t, u.reads(t))
		release := make(chan struct{})
		u.asked = func(context.Context) { <-release }
		began := time.Now()
		assert.True(t, u.reads(t))
		assert.LessOrEqual(t, time.Since(began), timeout/10)
		began = time.Now()
		for range 10 {
			assert.True(t, u.reads(t))
		}
		assert.Zero(t, time.Since(began), "it is not asked again while it hangs")
		close(release)
		synctest.Wait()
		u.asked = func(context.Context) {}
		u.reads(t)
		assert.False(t, u.reads(t))
	})
}

// TestAgain_RevisionThatCannotBeCompared: it is as good as none.
func TestAgain_RevisionThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUnmoved(t)
		u.revision = []byte("etag")
		for range 3 {
			assert.True(t, u.reads(t))
		}
	})
}
