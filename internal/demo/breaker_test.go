package demo

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBreaker(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b := newBreaker()
	assertSnapshot(t, b, `{"state":"closed","failures":0,"opened_at":null}`)

	b.record(false, now)
	assertSnapshot(t, b, `{"state":"closed","failures":1,"opened_at":null}`)
	b.record(true, now)
	assertSnapshot(t, b, `{"state":"closed","failures":0,"opened_at":null}`)

	b.record(false, now)
	b.record(false, now)
	assertSnapshot(t, b, `{"state":"open","failures":2,"opened_at":"2026-06-01T12:00:00Z"}`)
	assert.False(t, b.allows())
	b.record(true, now)
	assert.False(t, b.allows(), "a run from before does not close it")

	halfOpen(b)
	assert.True(t, b.allows())
	b.record(false, now.Add(time.Minute))
	assertSnapshot(t, b, `{"state":"open","failures":3,"opened_at":"2026-06-01T12:01:00Z"}`)

	halfOpen(b)
	assertSnapshot(t, b, `{"state":"half_open","failures":3,"opened_at":"2026-06-01T12:01:00Z"}`)
	b.record(true, now)
	assertSnapshot(t, b, `{"state":"closed","failures":0,"opened_at":null}`)
	b.tick()
	assert.True(t, b.allows())
}

func halfOpen(b *breaker) {
	for range breakerOpenFor {
		b.tick()
	}
}

func assertSnapshot(t *testing.T, b *breaker, want string) {
	t.Helper()
	got, err := json.Marshal(b.snapshot())
	require.NoError(t, err)
	assert.JSONEq(t, want, string(got))
}
