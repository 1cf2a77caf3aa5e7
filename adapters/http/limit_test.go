package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/domain"
)

// occupy makes so many requests as are let through, and some more, which are
// refused. It returns when all are under way that do not end before release is
// closed.
func occupy(t *testing.T, handler http.Handler, target string, let int) (answers func() []int) {
	t.Helper()
	const more = 3
	ended := make(chan *httptest.ResponseRecorder)
	for range let + more {
		go func() { ended <- ask(handler, "GET", target) }()
	}
	for range more {
		assertOverloaded(t, <-ended)
	}
	return func() []int {
		var statuses []int
		for range let {
			statuses = append(statuses, (<-ended).Code)
		}
		return statuses
	}
}

func assertOverloaded(t *testing.T, refused *httptest.ResponseRecorder) {
	t.Helper()
	assert.Equal(t, http.StatusServiceUnavailable, refused.Code)
	assert.Equal(t, "1", refused.Header().Get("Retry-After"))
	assert.Equal(t, "no-store", refused.Header().Get("Cache-Control"))
	code, _ := failureOf(t, refused.Body.Bytes())
	assert.Equal(t, "overloaded", code)
}

func TestRequestsInFlightAreLimited(t *testing.T) {
	for _, limit := range []int{1, 3, 2048} {
		release := make(chan struct{})
		blocking := snapshots{envelope: busy(), before: func() { <-release }}
		var opts []httpapi.Option
		if limit != 2048 { // the default
			opts = append(opts, httpapi.MaxInFlight(limit))
		}
		handler := newHandler(t, blocking, opts...)
		answers := occupy(t, handler, "/metrics", limit)
		for _, method := range []string{"GET", "HEAD"} {
			assertOverloaded(t, ask(handler, method, "/metrics"))
		}
		assert.Equal(t, http.StatusOK, ask(handler, "GET", "/livez").Code, "health is exempt")
		assert.Equal(t, http.StatusMethodNotAllowed, ask(handler, "POST", "/metrics").Code)

		close(release)
		for _, status := range answers() {
			assert.Equal(t, http.StatusOK, status, "those under way are answered")
		}
		for range limit + 1 {
			require.Equal(t, http.StatusOK, ask(handler, "GET", "/metrics").Code, "a slot is free again when a request ends")
		}
	}
}

// Readiness has a limit of its own: neither can keep the other from its readers.
func TestReadinessHasItsOwnLimit(t *testing.T) {
	for busyTarget, other := range map[string]string{"/metrics": "/readyz", "/readyz": "/metrics"} {
		release := make(chan struct{})
		handler := newHandler(t, snapshots{envelope: busy(), before: func() { <-release }}, httpapi.MaxInFlight(1))
		first := occupy(t, handler, busyTarget, 1)
		second := occupy(t, handler, other, 1)
		assert.Equal(t, http.StatusOK, ask(handler, "GET", "/livez").Code)
		close(release)
		assert.Equal(t, []int{http.StatusOK, http.StatusOK}, append(first(), second()...))
	}
}

// slowIfNarrowed takes its time for narrowed answers.
type slowIfNarrowed struct {
	snapshots

	entered, release chan struct{}
}

func (s slowIfNarrowed) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	if len(keys) > 0 {
		s.entered <- struct{}{}
		<-s.release
	}
	return s.snapshots.Snapshot(ctx, keys...)
}

// However many different narrowed answers are asked for, one is made at a time, few
// wait, and whoever asks for all is answered.
func TestFloodOfSections(t *testing.T) {
	const flood, most = 300, 256
	slow := slowIfNarrowed{snapshots{envelope: busy()}, make(chan struct{}, flood), make(chan struct{})}
	handler := newHandler(t, slow)
	statuses := make(chan int, flood)
	for i := range flood {
		go func() { statuses <- ask(handler, "GET", fmt.Sprintf("/metrics?section=s%d", i)).Code }()
	}
	for range flood - most {
		assert.Equal(t, http.StatusServiceUnavailable, <-statuses)
	}
	<-slow.entered
	for _, target := range []string{"/metrics", "/readyz"} {
		assert.Equal(t, http.StatusOK, ask(handler, "GET", target).Code)
	}
	assert.Empty(t, slow.entered, "one at a time")
	close(slow.release)
	for range most {
		assert.Contains(t, []int{http.StatusBadRequest, http.StatusServiceUnavailable}, <-statuses, "there is no such section, or it took too long")
	}
}

func TestSlotIsFreeAgainAfterAPanic(t *testing.T) {
	panics := true
	handler := newHandler(t, snapshots{envelope: busy(), before: func() {
		if panics {
			panic("boom")
		}
	}}, httpapi.MaxInFlight(1))
	for range 3 {
		assert.Equal(t, http.StatusInternalServerError, ask(handler, "GET", "/metrics").Code)
	}
	panics = false
	assert.Equal(t, http.StatusOK, ask(handler, "GET", "/metrics").Code)
}

func TestLimitMustLetSomethingThrough(t *testing.T) {
	for _, limit := range []int{0, -1} {
		_, err := httpapi.NewHandler(snapshots{}, quiet(), httpapi.MaxInFlight(limit))
		require.ErrorContains(t, err, "at least 1")
	}
}
