package logging_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/logging"
)

func asJSON(out io.Writer) slog.Handler { return slog.NewJSONHandler(out, nil) }

// entries are the lines without their time.
func (s *sink) entries(t *testing.T) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for _, line := range s.lines() {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		delete(entry, "time")
		entries = append(entries, entry)
	}
	return entries
}

// What was dropped is told in the log's own form, also where others write beside
// it.
func TestNew_TellsWhatWasDropped(t *testing.T) {
	t.Parallel()
	var out sink
	w := logging.NewAsyncWriter(&out)
	log := logging.New(w, asJSON)
	out.fail(errors.New("gone"))
	log.Info("lost")
	require.True(t, w.Flush(patience))
	out.fail(nil)
	log.Info("taken")
	require.True(t, w.Flush(patience))
	assert.Equal(t, []map[string]any{
		{"level": "WARN", "msg": "log lines were dropped: they could not be written in time", "lines": 1.0},
		{"level": "INFO", "msg": "taken"},
	}, out.entries(t))
}

func TestNew_BesideAnyWriter(t *testing.T) {
	t.Parallel()
	out := newStuck()
	logging.New(out, asJSON).Info("nobody waits")
	<-out.entered
	close(out.stuck)
	require.Eventually(t, func() bool { return len(out.lines()[0]) > 0 }, patience, time.Millisecond)
	assert.Equal(t, "nobody waits", out.entries(t)[0]["msg"])
}

// What comes with each request does not fill a disk: many lines of one message
// become few, which count the others. Other messages are not held back.
func TestNew_LimitsWhatRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out sink
		w := logging.NewAsyncWriter(&out)
		log := logging.New(w, asJSON)
		flood := log.With("of", "a flood")
		for range 30 {
			for i := range 1000 {
				flood.Warn("again", "i", i)
			}
			time.Sleep(time.Second)
		}
		log.Warn("another")
		log.Info("again")
		flood.Warn("again")
		require.True(t, w.Flush(patience))
		passed, suppressed := 0, 0
		messages := map[string]int{}
		for _, entry := range out.entries(t) {
			messages[entry["level"].(string)+" "+entry["msg"].(string)]++
			if entry["of"] == nil {
				assert.NotContains(t, entry, "suppressed")
				continue
			}
			passed++
			if n, counted := entry["suppressed"].(float64); counted {
				suppressed += int(n)
			}
		}
		assert.Equal(t, map[string]int{"WARN again": passed, "WARN another": 1, "INFO again": 1}, messages)
		assert.InDelta(t, 130, passed, 2, "a hundred at once, then one a second")
		assert.Equal(t, 30_001, passed+suppressed, "each is written or counted")
	})
}
