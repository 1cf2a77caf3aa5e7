package perf

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// benchRows are the sizes of the benchmarks' databases: ORCHMETRICS_PERF_ROWS, or
// a thousand and a million rows. They are generated at first use.
func benchRows(b *testing.B) []int64 {
	b.Helper()
	list := os.Getenv("ORCHMETRICS_PERF_ROWS")
	if list == "" {
		list = "1000,1000000"
	}
	var sizes []int64
	for word := range strings.SplitSeq(list, ",") {
		rows, err := strconv.ParseInt(word, 10, 64)
		require.NoError(b, err, "ORCHMETRICS_PERF_ROWS")
		sizes = append(sizes, rows)
	}
	return sizes
}

func benchWorld(b *testing.B, rows int64) *World {
	b.Helper()
	histories, err := Cached()
	require.NoError(b, err)
	return newWorld(b, histories, Of(rows), true)
}

// newService is the service within this process.
func newService(b *testing.B, w *World, exact bool) http.Handler {
	b.Helper()
	server, err := orchmetrics.InitializeServer(orchmetrics.Config{
		MetricsEnabled: true, Listen: "127.0.0.1:0", DB: w.DB, ProcRoot: "/proc",
		SectionTimeout: time.Minute, MaxRows: 10_000, Exact: orchmetrics.Switch(exact), RecountBudget: 0.01,
	})
	require.NoError(b, err)
	return server.Handler()
}

func newNaive(b *testing.B, w *World) http.Handler {
	b.Helper()
	naive, err := NewNaive(w.DB)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, naive.Close()) })
	return naive
}

// sink is a response that only its length remains of.
type sink struct {
	header http.Header
	length int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(body []byte) (int, error) {
	s.length += len(body)
	return len(body), nil
}

// request is one that every scrape can be, so that it counts for nothing.
func request() *http.Request {
	return httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", nil)
}

func (s *sink) scrape(b *testing.B, handler http.Handler, r *http.Request) {
	b.Helper()
	s.length = 0
	handler.ServeHTTP(s, r)
	if s.length == 0 {
		b.Error("an empty answer")
	}
}

// spacing is how far apart the service begins scrapes, at least.
const spacing = time.Second / 60

// BenchmarkScrape is one request of the whole handler without the network. In a
// changing database each request meets a new commit.
func BenchmarkScrape(b *testing.B) {
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10), func(b *testing.B) {
			w := benchWorld(b, rows)
			for _, version := range []string{"service", "naive"} {
				handler := newNaive(b, w)
				if version == "service" {
					handler = newService(b, w, false)
				}
				b.Run("db=unchanged/version="+version, func(b *testing.B) { benchUnchanged(b, handler) })
				b.Run("db=changing/version="+version, func(b *testing.B) { benchChanging(b, w, handler) })
			}
		})
	}
}

func benchUnchanged(b *testing.B, handler http.Handler) {
	b.Helper()
	w, r := sink{header: http.Header{}}, request()
	w.scrape(b, handler, r)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		time.Sleep(spacing)
		b.StartTimer()
		w.scrape(b, handler, r)
	}
}

func benchChanging(b *testing.B, world *World, handler http.Handler) {
	b.Helper()
	w, r := sink{header: http.Header{}}, request()
	w.scrape(b, handler, r)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		require.NoError(b, world.Step())
		time.Sleep(spacing)
		b.StartTimer()
		w.scrape(b, handler, r)
	}
}

// BenchmarkThroughput is 32 clients over the network, and one of the naive
// version; an operation is one answer.
func BenchmarkThroughput(b *testing.B) {
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10), func(b *testing.B) {
			w := benchWorld(b, rows)
			service, naive := serving(b, newService(b, w, false)), serving(b, newNaive(b, w))
			b.Run("clients=32/version=service", func(b *testing.B) { benchClients(b, service) })
			b.Run("clients=1/version=naive", func(b *testing.B) { benchClient(b, naive) })
		})
	}
}

// BenchmarkLoaded is what a profile is made of: 32 clients, and ten commits a
// second.
func BenchmarkLoaded(b *testing.B) {
	rows := benchRows(b)
	w := benchWorld(b, rows[len(rows)-1])
	service := serving(b, newService(b, w, false))
	_, err := w.Pace(10)
	require.NoError(b, err)
	b.Run("clients=32", func(b *testing.B) { benchClients(b, service) })
}

// serving serves on the network, and has answered once. It returns the address.
func serving(b *testing.B, handler http.Handler) string {
	b.Helper()
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	client, err := Dial(address)
	require.NoError(b, err)
	defer client.Close()
	poll(b, client)
	return address
}

func benchClient(b *testing.B, address string) {
	b.Helper()
	client, err := Dial(address)
	require.NoError(b, err)
	defer client.Close()
	for b.Loop() {
		poll(b, client)
	}
}

func benchClients(b *testing.B, address string) {
	b.Helper()
	b.ReportAllocs()
	b.SetParallelism(32 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		client, err := Dial(address)
		if err != nil {
			b.Error(err)
			return
		}
		defer client.Close()
		for pb.Next() {
			poll(b, client)
		}
	})
}

func poll(b *testing.B, client *Client) {
	b.Helper()
	if _, err := client.Poll(); err != nil {
		b.Error(err)
	}
}

// BenchmarkFirstAnswer is a new service up to its first complete answer, and one
// that reads everything.
func BenchmarkFirstAnswer(b *testing.B) {
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10), func(b *testing.B) {
			w := benchWorld(b, rows)
			for _, version := range []string{"service", "exact"} {
				b.Run("version="+version, func(b *testing.B) {
					for b.Loop() {
						handler := newService(b, w, version == "exact")
						for !complete(b, handler) { // counting
						}
					}
				})
			}
		})
	}
}

func complete(b *testing.B, handler http.Handler) bool {
	b.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request())
	return Complete(recorder.Body.Bytes())
}

// BenchmarkCommit is a commit of the orchestrator at full speed, unpolled and
// polled ten times a second.
func BenchmarkCommit(b *testing.B) {
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10), func(b *testing.B) {
			w := benchWorld(b, rows)
			handler := newService(b, w, false)
			for _, polled := range []bool{false, true} {
				b.Run("polled="+strconv.FormatBool(polled), func(b *testing.B) { benchCommit(b, w, handler, polled) })
			}
		})
	}
}

func benchCommit(b *testing.B, world *World, handler http.Handler, polled bool) {
	b.Helper()
	w, r := sink{header: http.Header{}}, request()
	w.scrape(b, handler, r)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		for polled {
			select {
			case <-stop:
				return
			case <-ticks.C:
				w.scrape(b, handler, r)
			}
		}
	}()
	for b.Loop() {
		require.NoError(b, world.Step())
	}
	close(stop)
	<-stopped
}

// Complete is checked here, as the benchmarks and the report wait for it.
func TestComplete(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		`{"queue":{"counts":{"done":1}},"cost":{"aggregate":{"runs":1}}}`: true,
		`{"queue":{"counts":null},"cost":{"aggregate":{"runs":1}}}`:       false,
		`{"queue":{"counts":{"done":1}},"cost":{"aggregate":null}}`:       false,
		`{"queue":null,"cost":null}`:                                      false,
	} {
		require.True(t, json.Valid([]byte(answer)))
		require.Equal(t, want, Complete([]byte(answer)), answer)
	}
}
