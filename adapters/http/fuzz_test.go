package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Whatever the query string is: the answer is 200 or 400, valid JSON, and no
// longer because more was sent.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "section=queue", "section=queue&section=stages", "section=", "section", "&&&", "=", "%", "%zz", "section=%zz",
		"section=%00", "section=%ff%fe", "section=<script>", "section=queue;section=stages", "verbose", "section=queue#x",
		"section[]=queue", "SECTION=queue", "section=queue%20", "section=../../etc/passwd", "section=\"\\", "x=%F0%9F%98%80",
		strings.Repeat("section=queue&", 50), "section=" + strings.Repeat("%80", 200), "section=" + strings.Repeat("\u2028", 60),
	} {
		f.Add(seed)
	}
	handler := newHandler(f, snapshots{envelope: busy()})
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/metrics", "/readyz", "/livez"} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, &http.Request{
				Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, Body: http.NoBody,
			})
			body := recorder.Body.Bytes()
			if strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/plain") {
				require.Equal(t, "/readyz", path)
				require.Equal(t, http.StatusOK, recorder.Code)
				continue
			}
			require.True(t, json.Valid(body), string(body))
			require.True(t, utf8.Valid(body))
			require.Less(t, len(body), 4000)
			switch {
			case recorder.Code == http.StatusOK:
			case recorder.Code == http.StatusBadRequest && path == "/metrics":
				failureOf(t, body)
			default:
				t.Fatalf("%s?%q answered %d", path, query, recorder.Code)
			}
		}
	})
}
