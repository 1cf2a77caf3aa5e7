package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/mocks"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	page := httpapi.Document{Path: "/page", ContentType: "application/schema+json", Body: []byte(`{"a":1}`)}
	handler := newHandler(t, mocks.NewSnapshotter(t), httpapi.Documents(page)) // no source is asked

	first := ask(handler, "GET", "/page")
	assert.Equal(t, http.StatusOK, first.Code)
	assert.JSONEq(t, `{"a":1}`, first.Body.String())
	assert.Equal(t, "application/schema+json", first.Header().Get("Content-Type"))
	assert.Equal(t, "no-cache", first.Header().Get("Cache-Control"))
	assert.Equal(t, "nosniff", first.Header().Get("X-Content-Type-Options"))
	assert.Regexp(t, `^"[0-9a-f]{32}"$`, first.Header().Get("ETag"))

	head := ask(handler, "HEAD", "/page")
	assert.Equal(t, http.StatusOK, head.Code)
	assert.Empty(t, head.Body.String())
	assert.Equal(t, "7", head.Header().Get("Content-Length"))
	assert.Equal(t, http.StatusMethodNotAllowed, ask(handler, "POST", "/page").Code)

	for sent, want := range map[string]int{
		first.Header().Get("ETag"):                 http.StatusNotModified,
		`"other", W/` + first.Header().Get("ETag"): http.StatusNotModified,
		"*":       http.StatusNotModified,
		`"other"`: http.StatusOK,
		"":        http.StatusOK,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			request := httptest.NewRequest(method, "/page", nil)
			request.Header.Set("If-None-Match", sent)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			assert.Equal(t, want, recorder.Code, sent)
			assert.Equal(t, first.Header().Get("ETag"), recorder.Header().Get("ETag"))
			if want == http.StatusNotModified {
				assert.Empty(t, recorder.Body.String())
			}
		}
	}

	page.Body = []byte(`{"a":2}`)
	other := ask(newHandler(t, mocks.NewSnapshotter(t), httpapi.Documents(page)), "GET", "/page")
	assert.NotEqual(t, first.Header().Get("ETag"), other.Header().Get("ETag"), "another document, another tag")
}

func TestHandlerRoutes(t *testing.T) {
	t.Parallel()
	handler, err := httpapi.NewHandler(mocks.NewSnapshotter(t), quiet(), httpapi.Documents(httpapi.Document{Path: "/page"}))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"GET /livez", "GET /metrics", "GET /page", "GET /readyz",
		"HEAD /livez", "HEAD /metrics", "HEAD /page", "HEAD /readyz",
	}, handler.Routes())
}
