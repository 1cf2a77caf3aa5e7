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
		query := fmt.Sprintf(`SELECT %s, %s, %s, %s, %s FROM tasks t
			WHERE t.stage NOT IN ('done','cancelled') ORDER BY t.id LIMIT ?`,
			tasks.integerOf("id"), tasks.textOf("work_item_id"), tasks.textOf("stage"),
			tasks.textOf("repo"), tasks.epochOf("updated_at"))
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
