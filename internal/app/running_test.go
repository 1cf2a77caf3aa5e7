package app_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// running makes these the jobs that run.
func (w *world) running(t *testing.T, jobs ...domain.RunningJob) {
	t.Helper()
	w.agents = mocks.NewAgentSource(t)
	w.agents.EXPECT().RunningJobs(anything).Return(ports.Reading[[]domain.RunningJob]{Value: jobs}, nil)
}

// sampling makes this the reader of processes.
func (w *world) sampling(t *testing.T, sample func(context.Context, []int64) ([]ports.Sample, error)) {
	t.Helper()
	w.cpu = mocks.NewCPUReader(t)
	w.cpu.EXPECT().ClockTicks().Return(new(int64(100)))
	w.cpu.EXPECT().Sample(anything, anything).RunAndReturn(sample)
}

// started is a process that started then, if that is known.
func started(at *time.Time) ports.Sample {
	return ports.Sample{CPUTicks: new(int64(7)), Process: &domain.Process{Status: domain.ProcessOK, StartTicks: new(int64(1)), StartedAt: at}}
}

// How long after its job a process started is counted as ages are: from whole
// second to whole second, and not clamped.
func TestStartedAfterJob(t *testing.T) {
	at := func(offset time.Duration) *time.Time { return new(noon.Add(offset)) }
	for name, c := range map[string]struct {
		job, process *time.Time
		want         *int64
	}{
		"together":                         {at(0), at(0), new(int64(0))},
		"within a second":                  {at(0), at(999 * time.Millisecond), new(int64(0))},
		"after it":                         {at(-90 * time.Second), at(-88 * time.Second), new(int64(2))},
		"before it, as the kernel rounds":  {at(500 * time.Millisecond), at(-time.Second), new(int64(-1))},
		"a stranger of long ago":           {at(0), at(-24 * time.Hour), new(int64(-86400))},
		"a stranger who got its pid":       {at(-24 * time.Hour), at(0), new(int64(86400))},
		"a job of another zone":            {new(noon.In(time.FixedZone("east", 3600))), at(time.Second), new(int64(1))},
		"a job without a start":            {nil, at(0), nil},
		"a process without a start":        {at(0), nil, nil},
		"a process whose start is no date": {at(0), new(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.running(t, domain.RunningJob{ID: 1, PID: new(int64(101)), StartedAt: c.job})
			w.sampling(t, func(context.Context, []int64) ([]ports.Sample, error) { return []ports.Sample{started(c.process)}, nil })
			assert.Equal(t, c.want, scrape(t, w.service(t)).Agents[0].Process.StartedAfterJobS)
		})
	}
}

// Jobs with one pid, and scrapes with the same samples, each count from their
// own job. What a reader of processes says of it does not count.
func TestStartedAfterJob_OfOnePID(t *testing.T) {
	w := newWorld(t)
	w.running(
		t,
		domain.RunningJob{ID: 1, PID: new(int64(101)), StartedAt: new(noon.Add(-time.Hour))},
		domain.RunningJob{ID: 2},
		domain.RunningJob{ID: 3, PID: new(int64(101)), StartedAt: &noon},
		domain.RunningJob{ID: 4, PID: new(int64(104))},
	)
	same := started(&noon)
	same.Process.StartedAfterJobS = new(int64(99))
	w.sampling(t, func(context.Context, []int64) ([]ports.Sample, error) {
		return []ports.Sample{same, same, same}, nil
	})
	service := w.service(t)
	for range 2 { // the reader hands out the same samples again
		agents := scrape(t, service).Agents
		assert.Equal(t, new(int64(3600)), agents[0].Process.StartedAfterJobS)
		assert.Nil(t, agents[1].Process)
		assert.Equal(t, new(int64(0)), agents[2].Process.StartedAfterJobS)
		assert.Nil(t, agents[3].Process.StartedAfterJobS)
	}
	assert.Equal(t, new(int64(99)), same.Process.StartedAfterJobS, "the samples are as they were")
}

// A reader of processes that needs all the time that it has is still listened to:
// what it could read until then is shown.
func TestWhatCouldBeSampledIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.sampling(t, func(ctx context.Context, _ []int64) ([]ports.Sample, error) {
			<-ctx.Done()
			time.Sleep(timeout / 100) // until it notices
			return []ports.Sample{started(&noon), {}}, ctx.Err()
		})
		began := time.Now()
		envelope := scrape(t, w.service(t))
		assert.LessOrEqual(t, time.Since(began), timeout)
		assert.Equal(t, domain.StatusDegraded, envelope.Sections["agents"].Status)
		assert.Equal(t, new(domain.CodeTimeout), envelope.Sections["agents"].Code)
		assert.Len(t, envelope.Agents, 3)
		require.NotNil(t, envelope.Agents[0].Process)
		assert.Equal(t, new(int64(7)), envelope.Agents[0].CPUTicks)
		assert.Equal(t, domain.ProcessOK, envelope.Agents[0].Process.Status)
		assert.Nil(t, envelope.Agents[2].Process, "not sampled in time")
	})
}
