package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
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
	snapshots, err := orchmetrics.InitializeSnapshotter(cfg)
	if err != nil {
		return err //nolint:wrapcheck // says which setting is wrong
	}
	envelope, err := snapshots.Snapshot(ctx, s.Section...)
	if err != nil {
		return err //nolint:wrapcheck // names the unknown section and the known ones
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
