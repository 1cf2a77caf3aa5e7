package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/domain"
)

// large is the number of rows from which it is felt that a scrape reads a whole
// table: some tens of milliseconds, at each scrape.
const large = 50_000

// indexes checks what keeps a scrape from reading whole tables, and measures how
// long it reads now.
func (d *doctor) indexes(ctx context.Context) Result {
	if d.db == nil || d.unreadable {
		return notChecked()
	}
	if d.profile != nil {
		return d.plans(ctx)
	}
	tables, err := d.store.Survey(ctx)
	if err != nil {
		return dbFailure("the tables", err)
	}
	result := ok("nothing to read")
	var facts, advice []string
	for _, table := range tables {
		if !table.Found {
			continue
		}
		if fact := d.active(ctx, table); fact != "" {
			facts = append(facts, fact)
		}
		for _, detail := range d.flatness(ctx, table) {
			result.Details = append(result.Details, detail)
			if detail.Status == OK && strings.HasPrefix(detail.Message, "no index") {
				advice = append(advice, detail.Subject)
			}
		}
	}
	if len(facts) > 0 {
		result.Message = "reading takes " + strings.Join(facts, ", ")
	}
	if len(advice) > 0 {
		result.Message += fmt.Sprintf("; no index on %s, which counts from %d rows on", strings.Join(advice, " and "), large)
	}
	if slices.ContainsFunc(result.Details, func(one Detail) bool { return one.Status != OK }) {
		result.Message += "; it grows with the tables"
		result.Do = "ask the owner of the database for what follows; this program never writes"
	}
	return result
}

// flatness says what keeps the readings of a table from growing with it. What it
// lacks is worth a warning once the table is large.
func (d *doctor) flatness(ctx context.Context, table sqlstore.Table) []Detail {
	status := OK
	if many, err := d.store.AtLeast(ctx, table.Name, large); many || err != nil {
		status = Warning
	}
	var details []Detail
	if index := table.Index; index != nil && has(table, index.Column) {
		detail := Detail{table.Name + "." + index.Column, status, "no index: " + index.Statement}
		switch {
		case index.Found:
			detail.Status, detail.Message = OK, "indexed"
		case table.View:
			detail.Message = "the table is a view: an index must be on the table behind it"
		}
		details = append(details, detail)
	}
	switch {
	case !table.KeepsSums:
	case table.Keyed:
		details = append(details, Detail{table.Name + ".id", OK, "the primary key: sums are kept between scrapes"})
	default:
		message := "not the table's integer primary key: each scrape sums all rows"
		if took := d.sums(ctx, table.Name); took != "" {
			message += ", which takes " + took
		}
		details = append(details, Detail{table.Name + ".id", status, message})
	}
	return details
}

func has(table sqlstore.Table, column string) bool {
	return slices.ContainsFunc(table.Columns, func(c sqlstore.Column) bool { return c.Name == column && c.Found })
}

// active reads those rows of a table that a scrape lists, and says how long that
// took.
func (d *doctor) active(ctx context.Context, table sqlstore.Table) string {
	if slices.ContainsFunc(table.Columns, func(c sqlstore.Column) bool { return c.Required && !c.Found }) {
		return ""
	}
	var took string
	switch table.Name {
	case "tasks":
		took = timed(func() error { _, err := d.store.ActiveTasks(ctx); return err })
	case "jobs":
		took = timed(func() error { _, err := d.store.RunningJobs(ctx); return err })
	}
	if took == "" {
		return ""
	}
	return took + map[string]string{"tasks": " for the active tasks", "jobs": " for the running jobs"}[table.Name]
}

// sums reads all rows of a table whose sums cannot be kept, and says how long
// that took.
func (d *doctor) sums(ctx context.Context, table string) string {
	if table == "jobs" {
		return timed(func() error { _, err := d.store.StatusCounts(ctx); return err })
	}
	return timed(func() error { _, err := d.store.CostTotals(ctx); return err })
}

// timed says how long a reading took; nothing if it failed.
func timed(reading func() error) string {
	began := time.Now()
	err := reading()
	took := milliseconds(time.Since(began))
	switch {
	case errors.Is(err, domain.CodeTimeout):
		return "more than " + took
	case err != nil && !errors.Is(err, domain.CodeSchemaDrift):
		return ""
	default:
		return took
	}
}
