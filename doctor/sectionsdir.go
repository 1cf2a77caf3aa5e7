package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/domain"
)

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
	if errors.Is(err, domain.CodeTooMany) {
		result = warning(fmt.Sprintf("%s: too many files, of which the first %d by name are shown", dir, len(listed)), "remove some").
			as(domain.CodeTooMany)
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
		result.Do = "docs/operations.md says what to do for each code"
	}
	return result
}

// onlyFiles are the settings of a service that is on and asks nothing but files,
// whatever else is wrong with it.
func onlyFiles(cfg orchmetrics.Config) orchmetrics.Config {
	cfg.MetricsEnabled = true
	cfg.DB = "not asked"
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
