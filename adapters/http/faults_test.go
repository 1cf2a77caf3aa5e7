package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
)

// canary is a secret that must never be answered.
const canary = "hunter2-/var/lib/secret.db"

// A panic answers 500 in JSON; its stack is in the log; the process lives.
func TestPanicAnswers500(t *testing.T) {
	panicking := mocks.NewSnapshotter(t)
	panicking.EXPECT().Snapshot(anything).RunAndReturn(func(context.Context, ...string) (domain.Envelope, error) {
		return panicsHere(), nil
	})
	var log journal
	handler, err := httpapi.NewHandler(panicking, log.logger())
	require.NoError(t, err)
	server := serve(t, handler)
	for range 3 {
		for _, target := range []string{"/metrics", "/readyz"} {
			response, err := server.client.Get(server.url(target))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
			assert.Equal(t, "application/json; charset=utf-8", response.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))

			status, body := server.get(t, target)
			assert.Equal(t, http.StatusInternalServerError, status)
			code, _ := failureOf(t, []byte(body))
			assert.Equal(t, "internal", code)
			assert.NotContains(t, body, "hunter2")
			assert.NotContains(t, body, "goroutine")
			assert.NotContains(t, body, ".go")
		}
	}
	assert.Contains(t, log.String(), canary)
	assert.Contains(t, log.String(), "panicsHere", "the stack")
	status, _ := server.get(t, "/livez")
	assert.Equal(t, http.StatusOK, status)
}

func panicsHere() domain.Envelope { panic(canary) }

// panicsElsewhere panics where an answer is made of what is known.
type panicsElsewhere struct{ snapshots }

func (panicsElsewhere) Keys() []string { panic(canary) }

// A panic beside the scrape is no other.
func TestPanicElsewhereAnswers500(t *testing.T) {
	var log journal
	handler, err := httpapi.NewHandler(panicsElsewhere{}, log.logger())
	require.NoError(t, err)
	answer := ask(handler, "GET", "/readyz?verbose")
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	code, _ := failureOf(t, answer.Body.Bytes())
	assert.Equal(t, "internal", code)
	assert.NotContains(t, answer.Body.String(), "hunter2")
	assert.Contains(t, log.String(), canary)
	assert.Contains(t, log.String(), "Keys", "the stack")
}

// An error that the port does not promise is answered without its text.
func TestUnexpectedErrorAnswers500(t *testing.T) {
	failing := mocks.NewSnapshotter(t)
	failing.EXPECT().Snapshot(anything).Return(domain.Envelope{}, errors.New(canary))
	var log journal
	handler, err := httpapi.NewHandler(failing, log.logger())
	require.NoError(t, err)
	for _, target := range []string{"/metrics", "/readyz", "/readyz?verbose"} {
		answer := ask(handler, "GET", target)
		assert.Equal(t, http.StatusInternalServerError, answer.Code)
		code, _ := failureOf(t, answer.Body.Bytes())
		assert.Equal(t, "internal", code)
		assert.NotContains(t, answer.Body.String(), "hunter2")
	}
	assert.Contains(t, log.String(), canary)
}
