package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orchmetrics/orchmetrics/adapters/profile"
	"github.com/orchmetrics/orchmetrics/domain"
)

// queries runs each query of the profile once, in place of the check of the schema.
func (d *doctor) queries(ctx context.Context) Result {
	findings := d.profile.Check(ctx)
	result := ok(fmt.Sprintf("the profile's %d queries run", len(findings)))
	broken := 0
	for _, f := range findings {
		detail := Detail{f.Query, OK, fmt.Sprintf("%d rows in %s", f.Rows, milliseconds(f.Took))}
		switch {
		case errors.Is(f.Err, domain.CodeNotInProfile):
			detail.Message = "left out: its database is optional, and not there"
		case f.Err != nil:
			broken++
			code := codeOf(f.Err)
			detail.Status, detail.Message = Failed, f.Where()+": "+f.Err.Error()
			result.Code = &code
		case f.Anomalies > 0:
			detail.Status, detail.Message = Warning, fmt.Sprintf(
				"%s: %d cells of %d rows cannot be read and are null", f.Where(), f.Anomalies, f.Rows)
		}
		result.Details = append(result.Details, detail)
	}
	if broken == 0 {
		return result
	}
	result.Status, result.Message = Failed, fmt.Sprintf("%d of the profile's %d queries cannot be run", broken, len(findings))
	result.Do = "is the orchestrator older or newer than the profile? api profiles show prints one to correct"
	if names := profile.Guess(ctx, d.db); len(names) > 0 {
		result.Do = "the database looks like that of another profile: set ORCH_PROFILE=" + strings.Join(names, " or ")
	}
	return result
}

// plans looks for queries that read whole tables at each scrape, in place of the check
// of the indexes.
func (d *doctor) plans(ctx context.Context) Result {
	var facts []string
	result := ok("")
	for _, f := range d.profile.Check(ctx) {
		if f.History || f.Err != nil {
			continue
		}
		facts = append(facts, fmt.Sprintf("%s for %s", milliseconds(f.Took), f.Query))
		status := OK
		if f.Took.Milliseconds() > slowQuery {
			status = Warning
		}
		for _, scan := range f.Scans {
			result.Details = append(result.Details, Detail{f.Query, status, "reads all of it: " + scan})
		}
	}
	if len(facts) == 0 {
		return ok("nothing to read at each scrape")
	}
	result.Message = "reading takes " + strings.Join(facts, ", ")
	return result
}

// slowQuery is from how many milliseconds on it matters that a query reads a whole
// table at each scrape.
const slowQuery = 20

func codeOf(err error) domain.Code {
	code := domain.CodeSourceFailed
	_ = errors.As(err, &code)
	return code
}
