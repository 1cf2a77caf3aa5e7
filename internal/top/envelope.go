package top

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// envelope is what is shown of an answer. It is read as any reader of the contract
// does (docs/contract.md): what is unknown is nil, and what an older service does not
// have is, too.
type envelope struct {
	SchemaVersion int       `json:"schema_version"`
	Enabled       *bool     `json:"enabled"`
	GeneratedAt   time.Time `json:"generated_at"`
	ClkTck        *int64    `json:"clk_tck"`
	Stages        []task    `json:"stages"`
	Agents        []agent   `json:"agents"`
	Queue         struct {
		Counts  map[string]int64 `json:"counts"`
		Depth   *int64           `json:"depth"`
		Retries *struct {
			Total int64 `json:"retries_total"`
		} `json:"retries"`
		Breaker        json.RawMessage `json:"breaker"`
		MaxConcurrency *int64          `json:"max_concurrency"`
	} `json:"queue"`
	Cost struct {
		Running []struct {
			JobID        int64    `json:"job_id"`
			CostUSD      *float64 `json:"cost_usd"`
			InputTokens  *int64   `json:"input_tokens"`
			OutputTokens *int64   `json:"output_tokens"`
		} `json:"running"`
		Aggregate *struct {
			Runs    int64    `json:"runs"`
			CostUSD *float64 `json:"cost_usd"`
		} `json:"aggregate"`
	} `json:"cost"`
	Clock struct {
		BootID *string `json:"boot_id"`
	} `json:"clock"`
	Instance struct {
		ID string `json:"id"`
	} `json:"instance"`
	Sections map[string]report `json:"sections"`
}

type task struct {
	TaskID   int64   `json:"task_id"`
	WorkItem *string `json:"work_item"`
	Stage    string  `json:"stage"`
	AgeS     *int64  `json:"age_in_stage_s"`
}

type agent struct {
	Agent    *string  `json:"agent"`
	JobID    int64    `json:"job_id"`
	JobRef   *string  `json:"job_ref"`
	TaskID   *int64   `json:"task_id"`
	TaskRef  *string  `json:"task_ref"`
	WorkItem *string  `json:"work_item"`
	Repo     *string  `json:"repo"`
	Model    *string  `json:"model"`
	Host     *string  `json:"host"`
	PID      *int64   `json:"pid"`
	RuntimeS *int64   `json:"runtime_s"`
	CPUTicks *int64   `json:"cpu_ticks"`
	Process  *process `json:"process"`
}

type process struct {
	Status         string  `json:"status"`
	State          *string `json:"state"`
	StartTicks     *int64  `json:"start_ticks"`
	RSSBytes       *int64  `json:"rss_bytes"`
	TreeCPUTicks   *int64  `json:"tree_cpu_ticks"`
	SampledMS      *int64  `json:"sampled_boottime_ms"`
	TimeSlices     *int64  `json:"time_slices"`
	TreeTimeSlices *int64  `json:"tree_time_slices"`
}

type report struct {
	Status string  `json:"status"`
	Code   *string `json:"code"`
}

// answered tells whether the section's value means anything.
func (r report) answered() bool {
	return !slices.Contains([]string{"failed", "timeout", "disabled"}, r.Status)
}

var errNoEnvelope = errors.New("no answer of the metrics service")

func read(body []byte) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return envelope{}, errNoEnvelope
	}
	if e.SchemaVersion != 1 {
		return envelope{}, fmt.Errorf("%w: schema_version is %d, not 1", errNoEnvelope, e.SchemaVersion)
	}
	return e, nil
}

// off tells that the service is switched off.
func (e envelope) off() bool { return e.Enabled != nil && !*e.Enabled }

// known tells whether a section could be read, at least in part.
func (e envelope) known(key string) bool {
	section, told := e.Sections[key]
	return !told || section.answered()
}

// breaker is the state of the worker's circuit breaker; empty if it is unknown.
func (e envelope) breaker() string {
	var breaker struct {
		State string `json:"state"`
	}
	_ = json.Unmarshal(e.Queue.Breaker, &breaker) // it is the worker's own, and may be anything
	return breaker.State
}
