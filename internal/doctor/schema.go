package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/orchmetrics/orchmetrics/adapters/profile"
	"github.com/orchmetrics/orchmetrics/domain"
)

// schema compares the tables with what scrapes read, column by column.
func (d *doctor) schema(ctx context.Context) Result {
	if d.db == nil || d.unreadable {
		return notChecked()
	}
	if d.profile != nil {
		return d.queries(ctx)
	}
	tables, err := d.store.Survey(ctx)
	if err != nil {
		return dbFailure("the tables", err)
	}
	var details []Detail
	columns, missing := 0, 0
	for _, table := range tables {
		if !table.Found {
			missing++
			details = append(details, Detail{table.Name, Failed, "the table is missing"})
			continue
		}
		for _, column := range table.Columns {
			columns++
			detail := Detail{table.Name + "." + column.Name, OK, "found"}
			switch shows := strings.Join(column.Shows, ", "); {
			case column.Found:
			case column.Optional:
				detail.Message = "not there, as in older orchestrators: null are " + shows
			case column.Required:
				detail.Status, detail.Message = Failed, "missing, and required: nothing to show for "+shows
			default:
				detail.Status, detail.Message = Warning, "missing, and optional: null are "+shows
			}
			if detail.Status != OK {
				missing++
			}
			details = append(details, detail)
		}
	}
	if missing == 0 {
		result := ok(fmt.Sprintf("all %d tables and %d columns that scrapes read are there", len(tables), columns))
		result.Details = details
		return result
	}
	result := warning(fmt.Sprintf("%d of the tables and columns that scrapes read are missing", missing),
		"is the orchestrator older or newer than expected, or ORCH_DB another database?").as(domain.CodeSchemaDrift)
	if names := profile.Guess(ctx, d.db); len(names) > 0 {
		result.Do = "it looks like the database of another orchestrator: set ORCH_PROFILE=" + strings.Join(names, " or ")
	}
	result.Details = details
	return result
}
