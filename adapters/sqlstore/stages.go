package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
		active, err := unfinished(ses)
		if err != nil {
			return ports.Reading[[]domain.Task]{}, err
		}
		query := fmt.Sprintf("SELECT %s, %s, %s, %s, %s FROM %s",
			tasks.integerOf("id"), tasks.textOf("work_item_id"), tasks.textOf("stage"),
			tasks.textOf("repo"), tasks.epochOf("updated_at"), active)
		reading, err := list(ses, query+" LIMIT ?", scanTask)
		if reading.Truncated { // then it is the first ones that count
			reading, err = list(ses, query+" ORDER BY +t.id LIMIT ?", scanTask)
		}
		if err != nil {
			return reading, err
		}
		slices.SortStableFunc(reading.Value, func(a, b domain.Task) int { return cmp.Compare(a.ID, b.ID) })
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

// unfinished are the tasks that are not known to be finished, as t: a stage that is
// NULL says nothing of the kind. With an index on the stage each of the stages that
// there are is found by one step in it, and NULL comes after the last of them; so no
// finished task is read.
func unfinished(ses *session) (string, error) {
	index, err := ses.index("tasks", "stage")
	if err != nil {
		return "", err
	}
	from, stage, err := ses.by("tasks", "t", "stage")
	if err != nil || index == "" {
		return from + " WHERE " + stage + " IS NULL OR " + stage + " NOT IN ('done','cancelled')", err
	}
	return fmt.Sprintf(`(
		WITH RECURSIVE stages(stage) AS (
			SELECT min(%[1]s) FROM %[2]s
			UNION ALL
			SELECT (SELECT min(%[1]s) FROM %[2]s WHERE %[1]s > stages.stage) FROM stages WHERE stages.stage IS NOT NULL
		)
		SELECT stage FROM stages WHERE stage IS NULL OR stage NOT IN ('done','cancelled')
	) s CROSS JOIN %[2]s ON %[1]s IS s.stage`, stage, from), nil
}
