package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/domain"
)

// manyLeftovers is how many names of a directory may be no sections, before this
// program says so: beyond it, some writer leaves what it should rename.
const manyLeftovers = 1000

// sectionsDir asks a service of the same settings what it makes of each drop-in
// file.
func (d *doctor) sectionsDir(ctx context.Context) Result {
	dir := d.cfg.SectionsDir
	if dir == "" {
		return ok("ORCH_SECTIONS_DIR is unset: there are no sections from files")
	}
	files := dropin.New(dir)
	listed, err := files.Sections(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return warning(dir+": there is no directory", "make it, or check ORCH_SECTIONS_DIR").as(domain.CodeFileUnreadable)
	case errors.Is(err, domain.CodeFileUnreadable):
		return failed(dir+": "+osReason(err), "check ORCH_SECTIONS_DIR and its rights").as(domain.CodeFileUnreadable)
	}
	result := ok(fmt.Sprintf("%s: %d sections", dir, len(listed)))
	switch leftovers, leftErr := files.Leftovers(ctx); {
	case errors.Is(err, domain.CodeTooMany):
		result = warning(dir+": too many files, of which the first by name are shown", "remove some").
			as(domain.CodeTooMany)
	case err != nil || leftErr != nil:
		result = failed(dir+": its names could not be read in time, so that sections may be missing",
			"remove what a writer left behind, or look for a file system that hangs").as(domain.CodeTimeout)
	case leftovers > manyLeftovers:
		result = warning(fmt.Sprintf("%s: %d sections, and %d other names, which each scrape reads, too", dir, len(listed), leftovers),
			"remove what a writer left behind, such as *.tmp, and see why it does not rename")
	}
	service, err := orchmetrics.InitializeSnapshotter(onlyFiles(d.cfg))
	if err != nil {
		return failed(dir+": "+err.Error(), "see settings above")
	}
	envelope, err := service.Snapshot(ctx)
	if err != nil {
		return failed(dir+": "+err.Error(), "")
	}
	for _, one := range listed {
		report, asked := envelope.Sections[one.Section.Key()]
		if _, refused := envelope.Sections[one.Origin]; refused || !asked {
			report = envelope.Sections[one.Origin]
		}
		result.Details = append(result.Details, detailOf(one.Origin, report))
	}
	if slices.ContainsFunc(result.Details, func(one Detail) bool { return one.Status != OK }) {
		result.Do = strings.TrimPrefix(result.Do+"; docs/operations.md says what to do for each code", "; ")
	}
	return result
}

// onlyFiles are the settings of a service that is on and asks nothing but files,
// whatever else is wrong with it.
func onlyFiles(cfg orchmetrics.Config) orchmetrics.Config {
	cfg.MetricsEnabled = true
	cfg.DB, cfg.DBPasswordFile = "not asked", ""
	disabled := []string{"stages", "queue", "agents", "cost"}
	for _, key := range cfg.SectionsDisabled {
		if domain.WellFormed(key) {
			disabled = append(disabled, key)
		}
	}
	cfg.SectionsDisabled = disabled
	return cfg
}

// detailOf says how the section of a file went.
func detailOf(origin string, report domain.SectionReport) Detail {
	detail := Detail{Subject: origin, Status: OK, Message: string(report.Status)}
	switch report.Status {
	case domain.StatusOK, domain.StatusDisabled:
	case domain.StatusDegraded:
		detail.Status = Warning
	default:
		detail.Status = Failed
	}
	if report.Code != nil {
		detail.Message += ": " + string(*report.Code)
	}
	return detail
}
