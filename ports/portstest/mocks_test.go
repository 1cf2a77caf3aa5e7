package portstest

import (
	"testing"

	"github.com/stretchr/testify/mock"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// The generated mocks can play every adapter: what they are told to answer
// arrives as it is.

func TestMockSourcesPass(t *testing.T) {
	t.Parallel()
	StageSource(t, func(t testing.TB, data Data) ports.StageSource {
		source := mocks.NewStageSource(t)
		source.EXPECT().ActiveTasks(mock.Anything).RunAndReturn(newMemory(data).ActiveTasks)
		return source
	})
	QueueSource(t, func(t testing.TB, data Data) ports.QueueSource {
		source := mocks.NewQueueSource(t)
		source.EXPECT().StatusCounts(mock.Anything).RunAndReturn(newMemory(data).StatusCounts).Maybe()
		source.EXPECT().Retries(mock.Anything).RunAndReturn(newMemory(data).Retries).Maybe()
		return source
	})
	AgentSource(t, func(t testing.TB, data Data) ports.AgentSource {
		source := mocks.NewAgentSource(t)
		source.EXPECT().RunningJobs(mock.Anything).RunAndReturn(newMemory(data).RunningJobs)
		return source
	})
	CostSource(t, func(t testing.TB, data Data) ports.CostSource {
		source := mocks.NewCostSource(t)
		source.EXPECT().CostTotals(mock.Anything).RunAndReturn(newMemory(data).CostTotals)
		return source
	})
	Viewer(t, func(t testing.TB) ViewedStore {
		m := newMemory(busy())
		viewer := mocks.NewViewer(t)
		viewer.EXPECT().View(mock.Anything).RunAndReturn(m.View)
		return viewedMemory(m, viewer)
	})
}

func TestMockWorkerStatePasses(t *testing.T) {
	t.Parallel()
	playing := func(worker ports.WorkerState, t testing.TB) ports.WorkerState {
		m := mocks.NewWorkerState(t)
		m.EXPECT().WorkerState(mock.Anything).RunAndReturn(worker.WorkerState)
		return m
	}
	WorkerState(t, WorkerStates{
		Written:      func(t testing.TB, state domain.Worker) ports.WorkerState { return playing(encodedWorker(t, state), t) },
		Unwritten:    func(t testing.TB) ports.WorkerState { return playing(goodWorker().Unwritten(t), t) },
		Unconfigured: func(t testing.TB) ports.WorkerState { return playing(goodWorker().Unconfigured(t), t) },
	})
}

func TestMockHostPasses(t *testing.T) {
	t.Parallel()
	CPUReader(t, func(t testing.TB) Processes {
		reader := mocks.NewCPUReader(t)
		reader.EXPECT().ClockTicks().RunAndReturn(host().ClockTicks).Maybe()
		reader.EXPECT().Sample(mock.Anything, mock.Anything).RunAndReturn(host().Sample).Maybe()
		return processesOf(reader)
	})
	Clock(t, func(t testing.TB) ports.Clock {
		clock := mocks.NewClock(t)
		clock.EXPECT().Now().RunAndReturn(host().Now)
		return clock
	})
	Section(t, func(t testing.TB) ports.Section {
		section := mocks.NewSection(t)
		section.EXPECT().Key().Return("numbers").Maybe()
		section.EXPECT().Default().RunAndReturn(fixed().Default).Maybe()
		section.EXPECT().Collect(mock.Anything).RunAndReturn(fixed().Collect).Maybe()
		return section
	})
}
