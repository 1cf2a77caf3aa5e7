package exposition

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
)

const (
	// maxStatuses is how many statuses beside the known ones are shown: jobs.status
	// is any text, and each would be a series.
	maxStatuses = 32

	ifNoRetries = "they could not be counted"
	ifNoWorker  = "the worker's state is unknown, or has none"
)

// breakerStates are those of the usual circuit breaker; the worker may name others.
var breakerStates = [...]string{"closed", "open", "half_open"}

// queue are the families of the section of the same name.
func queue() []Family {
	return []Family{
		{
			Name: "orchestrator_jobs", Kind: Gauge, Labels: []string{"status"},
			Help: "Jobs of all times by their present status.",
			From: "queue.counts", Absent: "they could not be counted; of statuses beside the five known ones, the first 32 by name are shown",
			collect: jobsByStatus,
		},
		ofQueue("orchestrator_queue_depth", "Jobs that wait to be started.", "queue.depth", "they could not be counted",
			func(q *domain.Queue) *int64 { return q.Depth }),
		ofQueue("orchestrator_retried_jobs", "Jobs that were started more than once.", "queue.retries.retried_jobs", ifNoRetries,
			retries(func(r *domain.Retries) *int64 { return &r.RetriedJobs })),
		ofQueue("orchestrator_job_retries", "Starts beyond the first, of all jobs that the database still holds.",
			"queue.retries.retries_total", ifNoRetries, retries(func(r *domain.Retries) *int64 { return &r.RetriesTotal })),
		ofQueue("orchestrator_job_attempts_max", "The most starts of one job.", "queue.retries.max_attempts_seen", ifNoRetries,
			retries(func(r *domain.Retries) *int64 { return &r.MaxAttemptsSeen })),
		{
			Name: "orchestrator_breaker_state", Kind: StateSet, Labels: []string{"state"},
			Help: "The state that the worker's circuit breaker is in.",
			From: "queue.breaker.state", Absent: "the breaker has no text `state`; " + ifNoWorker,
			collect: func(e *answer, s *series) {
				if e.Queue == nil {
					return
				}
				if state := breakerState(e.Queue.Breaker); state != "" {
					addState(s, state, breakerStates[:])
				}
			},
		},
		ofQueue("orchestrator_worker_max_concurrency", "How many agents the worker runs at once, at most.", "queue.max_concurrency", ifNoWorker,
			func(q *domain.Queue) *int64 { return q.MaxConcurrency }),
		{
			Name: "orchestrator_worker_poll_interval_seconds", Kind: Gauge, Unit: "seconds",
			Help: "How long the worker sleeps between two polls.",
			From: "queue.poll_interval", Absent: ifNoWorker,
			collect: func(e *answer, s *series) {
				if e.Queue != nil && e.Queue.PollInterval != nil {
					s.add(*e.Queue.PollInterval)
				}
			},
		},
		{
			Name: "orchestrator_worker_updated_timestamp_seconds", Kind: Gauge, Unit: "seconds",
			Help: "When the worker last wrote its state, since 1970.",
			From: "queue.worker_updated_at", Absent: ifNoWorker,
			collect: func(e *answer, s *series) {
				if e.Queue != nil && e.Queue.WorkerUpdatedAt != nil {
					s.add(unix(*e.Queue.WorkerUpdatedAt))
				}
			},
		},
	}
}

// ofQueue is a gauge of one number of the queue.
func ofQueue(name, help, from, absent string, value func(*domain.Queue) *int64) Family {
	return Family{Name: name, Kind: Gauge, Help: help, From: from, Absent: absent, collect: func(e *answer, s *series) {
		if e.Queue != nil {
			s.ifKnown(value(e.Queue))
		}
	}}
}

func retries(value func(*domain.Retries) *int64) func(*domain.Queue) *int64 {
	return func(q *domain.Queue) *int64 {
		if q.Retries == nil {
			return nil
		}
		return value(q.Retries)
	}
}

func jobsByStatus(e *answer, s *series) {
	if e.Queue == nil || e.Queue.Counts == nil {
		return
	}
	jobs := domain.NewStatusCounts()
	for status, n := range e.Queue.Counts { // two names may become one
		jobs[clean(status)] += n
	}
	others := 0
	for _, status := range slices.Sorted(maps.Keys(jobs)) {
		if !knownStatus(status) {
			if others++; others > maxStatuses {
				s.omitted[omittedLimit]++
				continue
			}
		}
		s.add(float64(jobs[status]), status)
	}
}

func knownStatus(status string) bool {
	_, known := domain.NewStatusCounts()[status]
	return known
}

// breakerState is the state in what the worker wrote of its breaker; empty if
// there is none.
func breakerState(breaker json.RawMessage) string {
	var fields map[string]json.RawMessage // a struct would take "STATE" too
	var state string
	if json.Unmarshal(breaker, &fields) != nil || json.Unmarshal(fields["state"], &state) != nil {
		return ""
	}
	return state
}
