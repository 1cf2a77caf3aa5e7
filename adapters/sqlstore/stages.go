package sqlstore

import (
	"context"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// ActiveTasks implements ports.StageSource.
func (s *Store) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	return read(ctx, s, activeTasks, func(ses *session) (ports.Reading[[]domain.Task], error) {
		tasks, err := ses.columns("tasks", "t", "id", "stage")
		if err != nil {
			return ports.Reading[[]domain.Task]{}, err
		}
		active, err := activeStages(ses, tasks)
		if err != nil {
			return ports.Reading[[]domain.Task]{}, err
		}
		query := fmt.Sprintf("SELECT %s, %s, %s, %s, %s FROM tasks t WHERE %s ORDER BY +t.id LIMIT ?",
			tasks.integerOf("id"), tasks.textOf("work_item_id"), tasks.textOf("stage"),
			tasks.textOf("repo"), tasks.epochOf("updated_at"), active)
		reading, err := list(ses, query, scanTask)
		if err != nil {
			return reading, err
		}
		return reading, tasks.drift()
	})
}

func scanTask(row *cells) domain.Task {
	return domain.Task{
		ID:         row.number(),
		WorkItem:   row.text(),
		Stage:      row.name(),
		Repo:       row.text(),
		StageSince: row.instant(),
	}
}

// activeStages is the condition for tasks that are not known to be finished: a
// stage that is NULL says nothing of the kind. With an index on the stage it names
// the stages that there are, each found by one step in the index, so that no
// finished task is read.
func activeStages(ses *session, tasks *columns) (string, error) {
	unknown := ""
	if tasks.found.nullable["stage"] { // else the planner would make a scan of it
		unknown = "t.stage IS NULL OR "
	}
	indexed, err := ses.indexed("tasks", "stage")
	if err != nil || !indexed {
		return "(" + unknown + "t.stage NOT IN ('done','cancelled'))", err
	}
	return "(" + unknown + `t.stage IN (
		WITH RECURSIVE stages(stage) AS (
			SELECT min(stage) FROM tasks
			UNION ALL
			SELECT (SELECT min(stage) FROM tasks WHERE stage > stages.stage) FROM stages WHERE stages.stage IS NOT NULL
		)
		SELECT stage FROM stages WHERE stage NOT IN ('done','cancelled')))`, nil
}
