package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidwall/pretty"

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
	envelope, err := counted(ctx, snapshots, s.Section, newProgress(stdout))
	if err != nil {
		return err
	}
	if err := s.print(stdout, envelope); err != nil {
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

// print writes the envelope as JSON. In a terminal it has colours, lists that fit are
// on one line, and what would move the cursor is escaped, as JSON allows.
func (s snapshotCmd) print(stdout io.Writer, envelope domain.Envelope) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	width := widthOf(stdout)
	if !s.Compact && width == 0 {
		encoder.SetIndent("", "  ")
	}
	if err := encoder.Encode(envelope); err != nil {
		return err
	}
	printed := text.Bytes()
	if width > 0 {
		printed = escaped(printed)
	}
	if !s.Compact && width > 0 {
		printed = pretty.PrettyOptions(printed, &pretty.Options{Width: width, Indent: "  "})
	}
	if coloured(stdout) {
		printed = pretty.Color(printed, nil)
	}
	_, err := stdout.Write(printed)
	return err
}

// escaped writes what is not printed as letters as JSON may (RFC 8259, section 7).
func escaped(text []byte) []byte {
	var safe []byte
	for _, letter := range string(text) {
		high, low := utf16.EncodeRune(letter)
		switch {
		case letter == '\n' || unicode.IsPrint(letter):
			safe = utf8.AppendRune(safe, letter)
		case high != utf8.RuneError:
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, high, low)
		default:
			safe = fmt.Appendf(safe, `\u%04x`, letter)
		}
	}
	return safe
}

// counted takes a snapshot whose sums are complete. A large history is summed
// over several, as none may take longer than a scrape; if that does not come to
// an end, the last one says so.
func counted(ctx context.Context, snapshots ports.Snapshotter, keys []string, progress *progress) (envelope domain.Envelope, err error) {
	const tries = 100
	defer progress.end()
	for range tries {
		progress.showf("summing a large history for the first time: %s", time.Since(progress.since).Round(time.Second))
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
