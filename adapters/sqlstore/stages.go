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
	return read(ctx, s, func(q *queries) (ports.Reading[[]domain.Task], error) {
		scan := func(row *engine.Rows) (t domain.Task) {
			row.Scan(&t.ID, &t.WorkItem, &t.Stage, &t.Repo, &t.StageSince)
			return t
		}
		reading, err := list(q, s.opts.MaxRows, q.tasks, "", scan)
		if reading.Truncated { // then it is the first ones that count
			reading, err = list(q, s.opts.MaxRows, q.tasks, " ORDER BY +t.id", scan)
		}
		slices.SortStableFunc(reading.Value, func(a, b domain.Task) int { return cmp.Compare(a.ID, b.ID) })
		return reading, err
	})
}

func (s *statements) selectTasks() statement {
	tasks, err := s.columns("tasks", "t", "id", "stage")
	if err != nil {
		return statement{missing: err}
	}
	id, texts := tasks.cells(engine.Integer, "id"), tasks.cells(engine.Text, "work_item_id", "stage", "repo")
	since := tasks.cells(engine.Instant, "updated_at")
	return statement{fmt.Sprintf("SELECT %s, %s, %s FROM %s", id, texts, since, unfinished(tasks)), tasks.drift()}
}

// unfinished are the tasks that are not known to be finished, as t: a stage that is
// NULL says nothing of the kind. With an index on the stage each of the stages that
// there are is found by one step in it, and NULL comes after the last of them; so no
// finished task is read.
func unfinished(tasks *columns) string {
	from, stage := tasks.from(), tasks.cell("stage", tasks.dialect.Exact)
	terminal := "('" + strings.Join(terminalStages[:], "','") + "')"
	if tasks.index == "" {
		return from + " WHERE " + stage + " IS NULL OR " + stage + " NOT IN " + terminal
	}
	equal := tasks.cell("stage", func(column engine.Column) string {
		return tasks.dialect.Equal("tasks", "t", tasks.index, column, "s.stage")
	})
	return fmt.Sprintf(`(
		WITH RECURSIVE stages(stage) AS (
			SELECT min(%[1]s) FROM %[2]s
			UNION ALL
			SELECT (SELECT min(%[1]s) FROM %[2]s WHERE %[1]s > stages.stage) FROM stages WHERE stages.stage IS NOT NULL
		)
		SELECT stage FROM stages WHERE stage IS NULL OR stage NOT IN %[3]s
	) s %[4]s`, stage, from, terminal, equal)
}
