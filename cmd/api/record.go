package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics"
)

// recordCmd writes answers, one a line, to play later with --fixture.
type recordCmd struct {
	Every time.Duration `default:"5s" placeholder:"DURATION" help:"How long from one answer to the next."`
	For   time.Duration `default:"1m" placeholder:"DURATION" help:"How long in all; 0 until Ctrl-C."`
	URL   string        `name:"url" placeholder:"URL" help:"The service: http(s)://HOST:PORT or unix:/PATH. Unset: what the settings name."`

	Access accessFlags `embed:""`
}

var (
	errNothingRecorded = errors.New("record: there was no answer")
	errNobodyReads     = errors.New("standard output is full and nobody reads it; the last line is cut short")
)

// Run implements the command. An answer that fails is left out and told of: a
// recording shall outlive a restart of what it records.
func (r recordCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	warnOfUnknown(cfg.Logger)
	if r.Every <= 0 {
		return fmt.Errorf("--every is %s; it must be more than 0", r.Every)
	}
	if r.For < 0 {
		return fmt.Errorf("--for is %s; it must be more than 0, or 0 to record until Ctrl-C", r.For)
	}
	ask, err := answersOf(cfg, r.URL, r.Access, r.Every)
	if err != nil {
		return fmt.Errorf("record: %w", err) // repeats no password
	}
	if r.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.For)
		defer cancel()
	}
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	recorded := 0
	began, progress := time.Now(), newProgress(stdout)
	defer progress.end()
	for {
		answer, err := ask(ctx)
		switch {
		case ctx.Err() != nil: // what was cut short is no failure
		case err != nil:
			cfg.Logger.Warn("answer left out", "cause", err)
		default:
			if err := handOver(ctx, stdout, slices.Concat(answer, []byte{'\n'})); err != nil {
				return fmt.Errorf("write recording: %w", err)
			}
			recorded++
		}
		progress.showf("%s", r.far(recorded, time.Since(began)))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if recorded == 0 {
				return errNothingRecorded
			}
			return nil
		}
	}
}

// far says how far the recording is.
func (r recordCmd) far(recorded int, passed time.Duration) string {
	left := "until Ctrl-C"
	if r.For > 0 {
		left = (r.For - passed).Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("recorded %d answers in %s, %s", recorded, passed.Round(time.Second), left)
}

// handOver writes a line to whoever takes the recording, however long that takes;
// after the end of the context it is given up soon.
func handOver(ctx context.Context, stdout io.Writer, line []byte) error {
	written := make(chan error, 1)
	go func() {
		_, err := stdout.Write(line)
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-written:
		return err
	case <-time.After(lastWords):
		return errNobodyReads
	}
}
