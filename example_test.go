package orchmetrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// disks is a section of another team.
type disks struct{}

func (disks) Key() string  { return "disks" }
func (disks) Default() any { return []string{} }

func (disks) Collect(context.Context) (any, error) {
	return []map[string]any{{"mount": "/", "free_bytes": 1 << 30}}, nil
}

// Timeout and MinInterval are optional.
func (disks) Timeout() time.Duration     { return 100 * time.Millisecond }
func (disks) MinInterval() time.Duration { return 10 * time.Second }

// get asks a service for the sections of a query, as a reader would.
func get(sources orchmetrics.Sources, query string) domain.Envelope {
	cfg := orchmetrics.Config{MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: 2 * time.Second, LogLevel: 8}
	server, err := orchmetrics.InitializeServerFrom(cfg, sources)
	if err != nil {
		panic(err)
	}
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics"+query, nil))
	if err := contracttest.Check(recorder.Body.Bytes()); err != nil {
		panic(err)
	}
	var envelope domain.Envelope
	if err := json.Unmarshal(recorder.Body.Bytes(), &envelope); err != nil {
		panic(err)
	}
	return envelope
}

// A section in Go is one type, and one element of Extra.
func Example_goSection() {
	sources := fixture.Sources{}.Ports() // in production: orchmetrics.ProductionSources(cfg)
	sources.Extra = append(sources.Extra, disks{})

	envelope := get(sources, "?section=disks")
	fmt.Printf("%s: %s\n", envelope.Extensions[0].Key, envelope.Extensions[0].Value)
	fmt.Println(envelope.Sections["disks"].Status)
	// Output:
	// disks: [{"free_bytes":1073741824,"mount":"/"}]
	// ok
}

// A section without Go is a file. ORCH_SECTIONS_DIR names the directory; any
// program writes into it, by rename.
func Example_dropIn() {
	dir, err := os.MkdirTemp("", "sections")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"build_cache.json": `{ "hits": 41, "misses": 2 }`, "queue.json": `"not yours"`} {
		fresh := filepath.Join(dir, ".new")
		if err := os.WriteFile(fresh, []byte(content), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(fresh, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	sources := fixture.Sources{}.Ports()
	sources.Listers = append(sources.Listers, dropin.New(dir))

	cache := get(sources, "?section=build_cache").Extensions[0]
	fmt.Printf("%s: %s\n", cache.Key, cache.Value)
	envelope := get(sources, "")
	fmt.Println("build_cache", envelope.Sections["build_cache"].Status)
	fmt.Println("queue", envelope.Sections["queue"].Status)
	fmt.Println("queue.json", envelope.Sections["queue.json"].Status, *envelope.Sections["queue.json"].Code)
	// Output:
	// build_cache: {"hits":41,"misses":2}
	// build_cache ok
	// queue ok
	// queue.json failed key_refused
}

// A fixture is literals, for a test of what reads the answer.
func Example_fixture() {
	sources := fixture.Sources{
		Jobs:      []domain.RunningJob{{ID: 21, Agent: new("developer"), PID: new(int64(4242))}},
		StagesErr: domain.CodeDBBusy,
		Processes: map[int64]ports.Sample{4242: {CPUTicks: new(int64(175)), Process: &domain.Process{Status: domain.ProcessOK}}},
	}.Ports()

	envelope := get(sources, "")
	fmt.Println(*envelope.Agents[0].Agent, *envelope.Agents[0].CPUTicks, envelope.Agents[0].Process.Status)
	fmt.Println("stages", envelope.Sections["stages"].Status, *envelope.Sections["stages"].Code)
	// Output:
	// developer 175 ok
	// stages failed db_busy
}

// A scenario is a history: each scrape is its next step.
func Example_scenario() {
	fixture, err := orchmetrics.OpenFixture("scenario:pid-reused", orchmetrics.FixtureOptions{})
	if err != nil {
		panic(err)
	}
	cfg := orchmetrics.Config{MetricsEnabled: true, Listen: "127.0.0.1:0", SectionTimeout: 2 * time.Second, LogLevel: 8}
	server, err := orchmetrics.InitializeReplay(cfg, fixture)
	if err != nil {
		panic(err)
	}
	for range 6 {
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if err := contracttest.Check(recorder.Body.Bytes()); err != nil {
			panic(err)
		}
		var envelope domain.Envelope
		if err := json.Unmarshal(recorder.Body.Bytes(), &envelope); err != nil {
			panic(err)
		}
		process := envelope.Agents[0].Process
		fmt.Print(envelope.GeneratedAt.Format(time.TimeOnly), " pid ", *envelope.Agents[0].PID, " ", process.Status)
		if process.StartTicks != nil {
			fmt.Print(" since tick ", *process.StartTicks)
		}
		fmt.Println()
	}
	// Output:
	// 12:00:00 pid 4242 ok since tick 660012
	// 12:00:05 pid 4242 ok since tick 660012
	// 12:00:10 pid 4242 gone
	// 12:00:15 pid 4242 gone
	// 12:00:20 pid 4242 ok since tick 721765
	// 12:00:25 pid 4242 ok since tick 721765
}
