package portstest

import (
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// StageSource proves an adapter of ports.StageSource.
func StageSource(t *testing.T, open func(testing.TB, Data) ports.StageSource) {
	t.Helper()
	run(t, stageChecks(), open)
}

func stageChecks() []check[ports.StageSource] {
	none := func() []domain.Task { return []domain.Task{} }
	return readings(
		func(s ports.StageSource) reader[[]domain.Task] { return s.ActiveTasks },
		answer[[]domain.Task]{"no tasks", Data{}, none},
		answer[[]domain.Task]{"no active tasks", idle(), none},
		answer[[]domain.Task]{"active tasks by id", busy(), activeTasks},
	)
}

// activeTasks are those of busy.
func activeTasks() []domain.Task {
	return []domain.Task{
		{ID: 7, Stage: "analysis"},
		{ID: 9, WorkItem: new("Größe 🙂"), Stage: "Done", Repo: new("")},
		{ID: 12, WorkItem: new("ORCH-012"), Stage: "review", Repo: new("web"), StageSince: noon()},
	}
}
