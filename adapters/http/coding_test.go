package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/domain"
)

// crowded is an envelope that is worth compressing.
func crowded() domain.Envelope {
	envelope := busy()
	for i := range 500 {
		envelope.Stages = append(envelope.Stages, domain.Stage{TaskID: int64(i), Stage: "development"})
	}
	return envelope
}

func encoded(handler http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	request.Header = header
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

// decoded is a body without its coding.
func decoded(t testing.TB, answer *httptest.ResponseRecorder) string {
	t.Helper()
	var reader io.Reader = answer.Body
	switch answer.Header().Get("Content-Encoding") {
	case "":
	case "gzip":
		unzipped, err := gzip.NewReader(answer.Body) // the standard library's, not the one it was written with
		require.NoError(t, err)
		reader = unzipped
	case "zstd":
		decoder, err := zstd.NewReader(answer.Body)
		require.NoError(t, err)
		defer decoder.Close()
		reader = decoder
	default:
		require.Fail(t, "no known coding", answer.Header())
	}
	body, err := io.ReadAll(reader)
	require.NoError(t, err)
	return string(body)
}

// acceptEncodings are headers, the coding that each is answered with, and the one of an
// answer that is small.
var acceptEncodings = map[string]struct{ sent, large, small string }{
	"none":                             {"", "", ""},
	"curl 8, --compressed":             {"deflate, gzip, br, zstd", "zstd", ""},
	"curl 7.88.1 of Debian":            {"deflate, gzip, br", "gzip", ""},
	"Go net/http, Prometheus 3":        {"gzip", "gzip", ""},
	"Chromium 156":                     {"gzip, deflate, br, zstd", "zstd", ""},
	"Python requests":                  {"gzip, deflate", "gzip", ""},
	"Python urllib, wget":              {"identity", "", ""},
	"no spaces, capitals":              {"DEFLATE,GZIP;Q=0.5", "gzip", ""},
	"an old name":                      {"x-gzip", "gzip", ""},
	"gzip dearer":                      {"zstd;q=0.5, gzip;q=0.9", "gzip", ""},
	"zstd dearer":                      {"gzip;q=0.5, zstd;q=0.501", "zstd", ""},
	"plain dearer":                     {"gzip;q=0.5, identity", "", ""},
	"plain as dear":                    {"gzip, identity", "gzip", ""},
	"plain cheaper":                    {"identity;q=0.1, gzip;q=0.2", "gzip", ""},
	"refused":                          {"gzip;q=0, zstd;q=0", "", ""},
	"refused, in digits":               {"gzip;q=0.000", "", ""},
	"anything":                         {"*", "", ""},
	"anything but one":                 {"*, gzip;q=0", "", ""},
	"of none that we have":             {"br, deflate", "", ""},
	"nothing plain":                    {"gzip, identity;q=0", "gzip", "gzip"},
	"nothing plain, anything else":     {"*, identity;q=0", "zstd", "zstd"},
	"nothing but what is named":        {"zstd, *;q=0", "zstd", "zstd"},
	"a weight that is none":            {"gzip;q=high, zstd;q=-1", "", ""},
	"a weight above one":               {"zstd;q=7, gzip", "gzip", ""},
	"no weight":                        {"zstd;level=3, gzip", "gzip", ""},
	"nonsense":                         {";;,,=,q=1;gzip,", "", ""},
	"the weight of nothing is nothing": {"gzip;q=NaN", "", ""},
}

// TestCoding: the client chooses, by weight; what it gets is what it would get plain.
func TestCoding(t *testing.T) {
	t.Parallel()
	document := func(path, body string) httpapi.Document {
		return httpapi.Document{Path: path, ContentType: "text/html", Body: []byte(body)}
	}
	small := newHandler(t, snapshots{envelope: busy()}, httpapi.Documents(document("/page", "<p>")))
	large := newHandler(t, snapshots{envelope: crowded()}, httpapi.Text(longTexts{}), httpapi.Documents(document("/page", strings.Repeat("<p>", 1000))))
	for name, c := range acceptEncodings {
		header := http.Header{"Accept-Encoding": {c.sent}}
		if c.sent == "" {
			header = http.Header{}
		}
		for _, target := range []string{"/metrics", "/metrics?section=stages", "/metrics/prometheus", "/page"} {
			plain := encoded(large, http.MethodGet, target, http.Header{})
			require.Empty(t, plain.Header().Get("Content-Encoding"))
			answer := encoded(large, http.MethodGet, target, header)
			require.Equal(t, http.StatusOK, answer.Code, name)
			assert.Equal(t, c.large, answer.Header().Get("Content-Encoding"), name+target)
			assert.Equal(t, strconv.Itoa(answer.Body.Len()), answer.Header().Get("Content-Length"), name+target)
			assert.Equal(t, plain.Header().Get("Content-Type"), answer.Header().Get("Content-Type"))
			assert.Contains(t, answer.Header().Get("Vary"), "Accept-Encoding")
			if c.large != "" {
				assert.Less(t, answer.Body.Len(), plain.Body.Len()/5, name+target)
			}
			length := answer.Header().Get("Content-Length")
			assert.Equal(t, plain.Body.String(), decoded(t, answer), name+target)

			head := encoded(large, http.MethodHead, target, header)
			assert.Equal(t, c.large, head.Header().Get("Content-Encoding"), name+target)
			assert.Equal(t, length, head.Header().Get("Content-Length"), name+target)
		}
		for _, target := range []string{"/metrics?section=stages", "/page"} {
			assert.Equal(t, c.small, encoded(small, http.MethodGet, target, header).Header().Get("Content-Encoding"), name+target)
		}
	}
}

// TestCoding_NothingThatWeHave: who takes nothing of ours is told so, and what there is.
func TestCoding_NothingThatWeHave(t *testing.T) {
	t.Parallel()
	handler := newHandler(t, snapshots{envelope: busy()}, httpapi.Documents(httpapi.Document{Path: "/page"}))
	for _, sent := range []string{"identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, *;q=0"} {
		for _, target := range []string{"/metrics", "/page"} {
			answer := encoded(handler, http.MethodGet, target, http.Header{"Accept-Encoding": {sent}})
			assert.Equal(t, http.StatusNotAcceptable, answer.Code, sent)
			assert.Contains(t, answer.Header().Get("Vary"), "Accept-Encoding")
			code, message := failureOf(t, answer.Body.Bytes())
			assert.Equal(t, "not_acceptable", code)
			assert.Contains(t, message, "zstd, gzip")
		}
	}
}

// TestCoding_SeveralHeaders: a list may be cut into several (RFC 9110, section 5.3).
func TestCoding_SeveralHeaders(t *testing.T) {
	t.Parallel()
	answer := encoded(newHandler(t, snapshots{envelope: crowded()}), http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {"gzip;q=0.1", "zstd"}})
	assert.Equal(t, "zstd", answer.Header().Get("Content-Encoding"))
}

// TestCoding_Tags: what a reader has is compared in the coding that it has it in.
func TestCoding_Tags(t *testing.T) {
	t.Parallel()
	page := httpapi.Document{Path: "/page", ContentType: "text/html", Body: []byte(strings.Repeat("<p>", 1000))}
	handler := newHandler(t, snapshots{envelope: busy()}, httpapi.Documents(page))
	tags := map[string]string{}
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		answer := encoded(handler, http.MethodGet, "/page", http.Header{"Accept-Encoding": {coding}})
		tag := answer.Header().Get("ETag")
		assert.NotContains(t, tags, tag)
		tags[tag] = coding
	}
	for tag, of := range tags {
		for _, coding := range tags {
			answer := encoded(handler, http.MethodGet, "/page", http.Header{"Accept-Encoding": {coding}, "If-None-Match": {tag}})
			if coding == of {
				assert.Equal(t, http.StatusNotModified, answer.Code)
				assert.Empty(t, answer.Body.String())
				assert.Empty(t, answer.Header().Get("Content-Length"))
				assert.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"))
			} else {
				assert.Equal(t, http.StatusOK, answer.Code)
			}
		}
	}
	whole := encoded(handler, http.MethodGet, "/page", http.Header{"Accept-Encoding": {"gzip"}}).Body.Bytes()
	part := encoded(handler, http.MethodGet, "/page", http.Header{"Accept-Encoding": {"gzip"}, "Range": {"bytes=3-9"}})
	assert.Equal(t, http.StatusPartialContent, part.Code)
	assert.Equal(t, whole[3:10], part.Body.Bytes(), "a range is one of what is sent")
	assert.Equal(t, "7", part.Header().Get("Content-Length"))
}

// TestCoding_OtherPrograms: what zstd and gzip themselves make of it.
func TestCoding_OtherPrograms(t *testing.T) {
	t.Parallel()
	handler := newHandler(t, snapshots{envelope: crowded()})
	plain := encoded(handler, http.MethodGet, "/metrics", http.Header{}).Body.String()
	for _, program := range []string{"zstd", "gzip"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("needs the program %[1]s (Debian: apt-get install %[1]s)", program)
		}
		decode := exec.Command(path, "-dc")
		decode.Stdin = encoded(handler, http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {program}}).Body
		var body, says bytes.Buffer
		decode.Stdout, decode.Stderr = &body, &says
		require.NoError(t, decode.Run(), says.String())
		assert.Equal(t, plain, body.String(), program)
	}
}

// FuzzCoding: whatever a client accepts, it gets what it would get plain, in a coding
// that it names.
func FuzzCoding(f *testing.F) {
	for _, c := range acceptEncodings {
		f.Add(c.sent)
	}
	handler := newHandler(f, snapshots{envelope: crowded()})
	plain := encoded(handler, http.MethodGet, "/metrics", http.Header{}).Body.String()
	f.Fuzz(func(t *testing.T, accepted string) {
		answer := encoded(handler, http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {accepted}})
		coding := answer.Header().Get("Content-Encoding")
		named := strings.ToLower(accepted)
		if answer.Code == http.StatusNotAcceptable {
			assert.Regexp(t, `(identity|\*)\s*;\s*q=[+-]?0`, named)
			return
		}
		require.Equal(t, http.StatusOK, answer.Code)
		assert.True(t, coding == "" || strings.Contains(named, coding) || strings.Contains(named, "*"), coding)
		assert.Equal(t, plain, decoded(t, answer))
	})
}
