package perf

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Naive answers like the service in the way that comes to mind first: a pool of
// connections, every query at every request, encoding/json. It has the same
// fields, and reads less of /proc.
type Naive struct {
	db        *sql.DB
	translate func(query string) string
}

// NewNaive returns a naive service over a database: the path of one of SQLite, or a URL.
func NewNaive(path string) (*Naive, error) {
	if onServer(path) {
		db, err := sql.Open("pgx", path)
		return &Naive{db: db, translate: forPostgres.Replace}, err
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	return &Naive{db: db, translate: func(query string) string { return query }}, err
}

// Close closes the connections.
func (n *Naive) Close() error { return n.db.Close() }

// ServeHTTP implements http.Handler.
func (n *Naive) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	envelope, err := n.scrape()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	respond(w, body)
}

// respond sets the headers that the service sets.
func respond(w http.ResponseWriter, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// naiveEnvelope is the envelope without an encoder of its own.
type naiveEnvelope struct {
	SchemaVersion int                    `json:"schema_version"`
	GeneratedAt   time.Time              `json:"generated_at"`
	ClkTck        int64                  `json:"clk_tck"`
	Stages        []naiveStage           `json:"stages"`
	Queue         naiveQueue             `json:"queue"`
	Agents        []naiveAgent           `json:"agents"`
	Cost          naiveCost              `json:"cost"`
	Clock         domain.Instant         `json:"clock"`
	Instance      domain.Instance        `json:"instance"`
	Sections      map[string]naiveReport `json:"sections"`
}

type naiveStage struct {
	WorkItem *string `json:"work_item"`
	Stage    string  `json:"stage"`
	Age      *int64  `json:"age_in_stage_s"`
	Repo     *string `json:"repo"`
	TaskID   int64   `json:"task_id"`
}

type naiveQueue struct {
	Counts         map[string]int64 `json:"counts"`
	Depth          int64            `json:"depth"`
	Retries        naiveRetries     `json:"retries"`
	Breaker        *string          `json:"breaker"`
	MaxConcurrency *int64           `json:"max_concurrency"`
	PollInterval   *float64         `json:"poll_interval"`
}

type naiveRetries struct {
	Retried int64 `json:"retried_jobs"`
	Total   int64 `json:"retries_total"`
	Most    int64 `json:"max_attempts_seen"`
}

type naiveAgent struct {
	Agent   *string       `json:"agent"`
	RunID   *int64        `json:"run_id"`
	JobID   int64         `json:"job_id"`
	Repo    *string       `json:"repo"`
	PID     *int64        `json:"pid"`
	Runtime *int64        `json:"runtime_s"`
	Model   *string       `json:"model"`
	Effort  *string       `json:"effort"`
	Ticks   *int64        `json:"cpu_ticks"`
	Process *naiveProcess `json:"process"`
	TaskID  *int64        `json:"task_id"`
	Ticket  *string       `json:"work_item"`
}

type naiveProcess struct {
	Status  string `json:"status"`
	State   string `json:"state"`
	Start   int64  `json:"start_ticks"`
	Threads int64  `json:"threads"`
	RSS     int64  `json:"rss_bytes"`
	Waited  int64  `json:"children_cpu_ticks"`
}

type naiveCost struct {
	Running   []naiveRunning `json:"running"`
	Aggregate naiveTotals    `json:"aggregate"`
	ByModel   []naiveModel   `json:"by_model"`
}

type naiveModel struct {
	Model *string `json:"model"`
	naiveTotals
}

type naiveRunning struct {
	RunID *int64  `json:"run_id"`
	JobID int64   `json:"job_id"`
	Agent *string `json:"agent"`
	naiveSpent
	Model *string `json:"model"`
}

type naiveTotals struct {
	Runs int64 `json:"runs"`
	naiveSpent
}

type naiveSpent struct {
	Cost          *float64 `json:"cost_usd"`
	Input         *int64   `json:"input_tokens"`
	Output        *int64   `json:"output_tokens"`
	CacheRead     *int64   `json:"cache_read_tokens"`
	CacheCreation *int64   `json:"cache_creation_tokens"`
}

type naiveReport struct {
	Status domain.Status `json:"status"`
	Rows   *int          `json:"rows"`
}

func (n *Naive) scrape() (*naiveEnvelope, error) {
	now := time.Now().UTC()
	e := &naiveEnvelope{
		SchemaVersion: domain.SchemaVersion,
		GeneratedAt:   now.Truncate(time.Second),
		ClkTck:        100,
		Clock:         domain.Instant{UnixMS: now.UnixMilli()},
		Sections:      map[string]naiveReport{"stages": {}, "queue": {}, "agents": {}, "cost": {}},
	}
	for _, read := range []func(*naiveEnvelope) error{n.stages, n.counts, n.retries, n.agents, n.totals} {
		if err := read(e); err != nil {
			return nil, err
		}
	}
	for key := range e.Sections {
		e.Sections[key] = naiveReport{Status: domain.StatusOK}
	}
	return e, nil
}

// readProcess reads what /proc/PID/stat has of a process.
func readProcess(pid int64) (*naiveProcess, int64) {
	line, err := os.ReadFile("/proc/" + strconv.FormatInt(pid, 10) + "/stat")
	if err != nil {
		return nil, 0
	}
	_, rest, _ := strings.Cut(string(line), ") ")
	fields := strings.Fields(rest)
	number := func(field int) int64 { // as proc(5) numbers them
		value, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return value
	}
	return &naiveProcess{
		Status: "ok", State: fields[0], Start: number(22), Threads: number(20), RSS: number(24) * 4096, Waited: number(16) + number(17),
	}, number(14) + number(15)
}
