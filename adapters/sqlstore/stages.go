package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/ports"
)

// ActiveTasks implements ports.StageSource.
func (s *Store) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	return read(ctx, s, func(q *queries) (ports.Reading[[]domain.Task], error) { return q.activeTasks(s.maxRows) })
}

func (q *queries) activeTasks(maxRows int) (ports.Reading[[]domain.Task], error) {
	tasks, err := q.columns("tasks", "t", "id", "stage")
	if err != nil {
		return ports.Reading[[]domain.Task]{}, err
	}
	from, err := q.unfinished(tasks)
	if err != nil {
		return ports.Reading[[]domain.Task]{}, err
	}
	query := fmt.Sprintf("SELECT %s, %s, %s, %s, %s FROM %s",
		tasks.integer("id"), tasks.text("work_item_id"), tasks.text("stage"), tasks.text("repo"), tasks.time("updated_at"), from)
	reading, err := list(q, maxRows, query+" LIMIT ?", scanTask)
	if reading.Truncated { // then it is the first ones that count
		reading, err = list(q, maxRows, query+" ORDER BY +t.id LIMIT ?", scanTask)
	}
	if err != nil {
		return reading, err
	}
	slices.SortStableFunc(reading.Value, func(a, b domain.Task) int { return cmp.Compare(a.ID, b.ID) })
	return reading, tasks.drift()
}

func scanTask(row *engine.Rows) domain.Task {
	return domain.Task{
		ID:         row.ID(),
		WorkItem:   row.Text(),
		Stage:      row.Name(),
		Repo:       row.Text(),
		StageSince: row.Time(),
	}
}

// unfinished are the tasks that are not known to be finished, as t: a stage that is
// NULL says nothing of the kind. With an index on the stage each of the stages that
// there are is found by one step in it, and NULL comes after the last of them; so no
// finished task is read.
func (q *queries) unfinished(tasks *columns) (string, error) {
	from, stage, err := q.by(tasks, "stage")
	if err != nil {
		return "", err
	}
	terminal := "('" + strings.Join(terminalStages[:], "','") + "')"
	index, err := q.index("tasks", "stage")
	if err != nil || index == "" {
		return from + " WHERE " + stage + " IS NULL OR " + stage + " NOT IN " + terminal, err
	}
	return fmt.Sprintf(`(
		WITH RECURSIVE stages(stage) AS (
			SELECT min(%[1]s) FROM %[2]s
			UNION ALL
			SELECT (SELECT min(%[1]s) FROM %[2]s WHERE %[1]s > stages.stage) FROM stages WHERE stages.stage IS NOT NULL
		)
		SELECT stage FROM stages WHERE stage IS NULL OR stage NOT IN %[3]s
	) s %[4]s`, stage, from, terminal, q.Dialect().Equal("tasks", "t", index, tasks.typed("stage"), "s.stage")), nil
}
