package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// allocations counts those of one scrape by the whole handler, within this
// process.
func (l *lab) allocations() []row {
	w := l.world(perf.Of(l.plan.Rows), true)
	server := get(orchmetrics.InitializeServer(orchmetrics.Config{
		MetricsEnabled: true, Listen: "127.0.0.1:0", DB: w.DB, ProcRoot: "/proc", SectionTimeout: time.Minute, MaxRows: 10_000,
	}))
	naive := get(perf.NewNaive(w.DB))
	defer naive.Close()
	objects, bytes := allocated(w, server.Handler(), 50*l.plan.Rounds)
	naiveObjects, naiveBytes := allocated(w, naive, l.plan.Rounds)
	return []row{{
		"allocations per scrape, changing", "reported", fmt.Sprintf("%.0f, %.0f KiB", objects, bytes/1024), told,
		fmt.Sprintf("the naive version %.0f, %.0f KiB", naiveObjects, naiveBytes/1024),
	}}
}

// allocated is what a scrape allocates, in objects and in bytes.
func allocated(w *perf.World, handler http.Handler, scrapes int) (objects, bytes float64) {
	request := get(http.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", nil))
	response := discard{header: http.Header{}}
	handler.ServeHTTP(response, request)
	for range scrapes {
		must(w.Step())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		handler.ServeHTTP(response, request)
		runtime.ReadMemStats(&after)
		objects += float64(after.Mallocs - before.Mallocs)
		bytes += float64(after.TotalAlloc - before.TotalAlloc)
	}
	return objects / float64(scrapes), bytes / float64(scrapes)
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header          { return d.header }
func (discard) WriteHeader(int)                {}
func (discard) Write(body []byte) (int, error) { return len(body), nil }
