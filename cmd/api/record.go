package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
)

// recordCmd writes answers, one a line, to play later with --fixture.
type recordCmd struct {
	Every time.Duration `default:"5s" placeholder:"DURATION" help:"How long from one answer to the next."`
	For   time.Duration `default:"1m" placeholder:"DURATION" help:"How long in all; 0 until Ctrl-C."`
	URL   string        `name:"url" placeholder:"URL" help:"The service: http(s)://HOST:PORT or unix:/PATH. Unset: what the settings name."`

	Access accessFlags `embed:""`
}

// maxAnswer bounds what is taken from another service, in bytes.
const maxAnswer = 1 << 30

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
	ask, err := r.source(cfg)
	if err != nil {
		return err
	}
	if r.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.For)
		defer cancel()
	}
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	recorded := 0
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

// source returns what asks for one answer.
func (r recordCmd) source(cfg orchmetrics.Config) (func(context.Context) ([]byte, error), error) {
	if r.URL == "" {
		snapshots, err := orchmetrics.InitializeSnapshotter(cfg)
		if err != nil {
			return nil, err //nolint:wrapcheck // says which setting is wrong
		}
		return func(ctx context.Context) ([]byte, error) {
			envelope, err := snapshots.Snapshot(ctx)
			if err != nil {
				return nil, err //nolint:wrapcheck // says what it could not do
			}
			return envelope.MarshalJSON()
		}, nil
	}
	client, address, err := orchmetrics.ClientOf(cfg, r.URL, orchmetrics.Access(r.Access))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err) // repeats no password
	}
	if address.Path == "" || address.Path == "/" {
		address.Path = "/metrics"
	}
	client.Timeout = max(10*time.Second, r.Every)
	return func(ctx context.Context) ([]byte, error) { return fetch(ctx, client, address) }, nil
}

// fetch returns the answer of a running service on one line.
func fetch(ctx context.Context, client *http.Client, address *url.URL) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or not wanted
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s%s", shown(address), response.Status, because(response.StatusCode, body))
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return nil, fmt.Errorf("%s answered no JSON: %w", shown(address), err)
	}
	var envelope domain.Envelope // what cannot be read back could not be played
	if err := json.Unmarshal(line.Bytes(), &envelope); err != nil || envelope.SchemaVersion != domain.SchemaVersion {
		return nil, errors.Join(fmt.Errorf("%s answered no envelope of schema_version %d", shown(address), domain.SchemaVersion), err)
	}
	return line.Bytes(), nil
}
