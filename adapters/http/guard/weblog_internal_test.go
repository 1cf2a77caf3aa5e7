package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// A web config that changes with each request is told of now and then, with how
// often it did, and in the end the log has what it is.
func TestWebConfig_FlapsInTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&lines, nil))
		c := &WebConfig{pace: rate.NewLimiter(rate.Every(sayPause), sayBurst)}
		for range 300 { // a minute
			c.say(log, errors.New("broken"))
			time.Sleep(100 * time.Millisecond)
			c.say(log, nil)
			time.Sleep(100 * time.Millisecond)
		}
		c.say(log, errors.New("emptied"))
		time.Sleep(time.Minute)
		c.say(log, errors.New("emptied"))
		c.say(log, errors.New("emptied"))

		told, counted, last := 0, 0, ""
		for line := range strings.Lines(lines.String()) {
			var entry struct {
				Cause      string
				Suppressed int
			}
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			told, counted, last = told+1, counted+entry.Suppressed, entry.Cause
		}
		assert.InDelta(t, 6+6+1, told, 1)
		assert.Equal(t, 601, told+counted, "each change is told or counted")
		assert.Equal(t, "emptied", last)
	})
}

// What net/http says of connections has one message, whatever the clients did: it is
// by that that a log knows what repeats.
func TestConnectionLog_HasOneMessage(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	plain := slog.NewLogLogger(ConnectionLog(log), slog.LevelDebug)
	for i := range 3 {
		plain.Printf("http: TLS handshake error from 127.0.0.1:%d: EOF", 40000+i)
	}
	assert.Equal(t, 3, strings.Count(lines.String(), `"level":"DEBUG","msg":"connection failed","cause":"http: TLS handshake error from`))
}
