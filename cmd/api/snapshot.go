package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// snapshotCmd prints one envelope.
type snapshotCmd struct {
	Section []string `placeholder:"KEY" help:"Only this section; may be repeated."`
	Compact bool     `help:"On one line, as the service answers."`
	Strict  bool     `help:"Exit with status 3 if a section is not ok."`
}

var errDegraded = errors.New("a section is not ok")

// Run implements the command.
func (s snapshotCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	warnOfUnknown(cfg.Logger)
	snapshots, err := orchmetrics.InitializeSnapshotter(cfg)
	if err != nil {
		return err //nolint:wrapcheck // says which setting is wrong
	}
	envelope, err := counted(ctx, snapshots, s.Section)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetEscapeHTML(false)
	if !s.Compact {
		encoder.SetIndent("", "  ")
	}
	if err := encoder.Encode(envelope); err != nil {
		return fmt.Errorf("print snapshot: %w", err)
	}
	for _, key := range snapshots.Keys() {
		report, asked := envelope.Sections[key]
		if s.Strict && asked && report.Status != domain.StatusOK && report.Status != domain.StatusDisabled {
			return fmt.Errorf("%w: %s is %s", errDegraded, key, report.Status)
		}
	}
	return nil
}

// counted takes a snapshot whose sums are complete. A large history is summed
// over several, as none may take longer than a scrape; if that does not come to
// an end, the last one says so.
func counted(ctx context.Context, snapshots ports.Snapshotter, keys []string) (envelope domain.Envelope, err error) {
	const tries = 100
	for range tries {
		envelope, err = snapshots.Snapshot(ctx, keys...)
		if err != nil || ctx.Err() != nil || !counting(envelope) {
			break
		}
	}
	return envelope, err //nolint:wrapcheck // names the unknown section and the known ones
}

func counting(envelope domain.Envelope) bool {
	for _, report := range envelope.Sections {
		if report.Code != nil && *report.Code == domain.CodeCounting {
			return true
		}
	}
	return false
}
