package workerstate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Whatever a state file holds: it is read or refused, never a panic; and what is
// read can be shown.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `null`, `[]`, `{}`, `{`, "\ufeff{}", `{"breaker":null}`, `{"breaker":{"a":[1]}}`, `{"breaker":[]}`, `{"breaker":"x"}`,
		`{"breaker":{"state":"closed"},"max_concurrency":4,"poll_interval":2.0,"updated_at":"2026-06-01T12:00:00Z"}`,
		`{"max_concurrency":9223372036854775807,"poll_interval":1e308}`, `{"max_concurrency":1e3}`, `{"max_concurrency":4.0}`, `{"updated_at":"2026-06-01t12:00:00z"}`, `{"poll_interval":1e999}`,
		`{"updated_at":"9999-12-31T23:59:59-23:59"}`, `{"updated_at":"0000-01-01T00:00:00+23:59"}`, `{"updated_at":"2026-06-01T12:00:00.123456789+02:00"}`,
		"{\"breaker\":{\"\xff\":\"\xfe\"}}", `{"breaker":{"a":"\ud800"}}`, `{"breaker":{},"breaker":1}`, `{"BREAKER":1}`,
		`{"breaker":` + strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60) + `}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		written := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
		worker, err := parse(data, written)
		if err != nil {
			require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
		}
		if worker == nil {
			require.Error(t, err)
			return
		}
		lost := 0
		if unreadable := (*ports.UnreadableError)(nil); errors.As(err, &unreadable) {
			lost = len(unreadable.Values)
		}
		require.Equal(t, err != nil, lost > 0, "with a state there are only values that could not be read")
		require.LessOrEqual(t, lost, 4)
		require.NoError(t, worker.Validate())
		_, err = json.Marshal(worker)
		require.NoError(t, err)
		if worker.WorkerUpdatedAt != nil {
			require.Equal(t, time.UTC, worker.WorkerUpdatedAt.Location())
			require.True(t, worker.WorkerUpdatedAt.Year() >= 2000 && worker.WorkerUpdatedAt.Year() <= 2199)
		}
		require.NoError(t, new(Memory).Publish(*worker), "what one adapter reads the other takes")
	})
}
