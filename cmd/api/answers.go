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
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
)

// maxAnswer bounds what is taken from another service, in bytes.
const maxAnswer = 1 << 30

// answersOf returns what asks for one answer: of a running service, or, without a URL,
// of what the settings name. It may be asked again every so often.
func answersOf(
	cfg orchmetrics.Config, service string, access accessFlags, every time.Duration,
) (func(context.Context) ([]byte, error), error) {
	if service == "" {
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
	client, address, err := orchmetrics.ClientOf(cfg, service, orchmetrics.Access(access))
	if err != nil {
		return nil, err //nolint:wrapcheck // says what is wrong
	}
	if address.Path == "" || address.Path == "/" {
		address.Path = "/metrics"
	}
	client.Timeout = max(10*time.Second, every)
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
