// Package ports says what the service needs from the outside (the sources) and
// what it offers to it (Snapshotter). Adapters implement the sources; package
// portstest has the suites that prove an adapter.
//
// Rules for every source:
//
//   - A value returned without an error is complete. A value with an error is
//     the part that could be read; the error says what is missing. Without any
//     value, the zero Reading is returned with the error.
//   - An error wraps a domain.Code where one fits, so that the envelope can name
//     the cause; other errors show as domain.CodeSourceFailed.
//   - Values handed out are shared and read-only: a source may hand out the same
//     one again, and neither it nor a caller changes what a value leads to. Who
//     needs another value makes a copy.
//   - Methods are safe for concurrent use and return soon after the context ends.
package ports

import (
	"context"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Reading is a value and what was lost on the way to it.
type Reading[T any] struct {
	Value T
	// Truncated is true if the value is a list that was cut at the row cap.
	Truncated bool
	// Anomalies is the number of cells that could not be read as their type and
	// became nil (or, where the value has no nil, zero).
	Anomalies int64
	// CountedAt is since when all was counted again: rows that were changed by hand
	// later may be missing from a sum. Nil if that cannot happen.
	CountedAt *time.Time
	// AsOf is since when the value has been what it is, where it is not read anew each
	// time; nil if it was read now.
	AsOf *time.Time
}

// StageSource knows the tasks that are not finished.
type StageSource interface {
	// ActiveTasks returns the tasks in a stage that is not terminal, by id
	// ascending; an empty list if there are none.
	ActiveTasks(ctx context.Context) (Reading[[]domain.Task], error)
}

// QueueSource knows the jobs of all times.
type QueueSource interface {
	// StatusCounts returns the number of jobs by status: the five known ones
	// always, any other that is found besides. Never a nil map without an error.
	StatusCounts(ctx context.Context) (Reading[domain.StatusCounts], error)
	// Retries returns zeros if there are no jobs, nil only with an error.
	Retries(ctx context.Context) (Reading[*domain.Retries], error)
}

// AgentSource knows the jobs that run now.
type AgentSource interface {
	// RunningJobs returns the running jobs with their runs, by job id ascending;
	// an empty list if there are none. A job whose run has no row yet is listed
	// with nil for the run's columns.
	RunningJobs(ctx context.Context) (Reading[[]domain.RunningJob], error)
}

// CostSource knows what all runs have cost.
type CostSource interface {
	// CostTotals returns zeros and an empty list if there are no runs, nil only with an
	// error. The list is of the same rows as the totals, in the order of
	// domain.Cost, and what it costs adds up to them within 1e-9.
	CostTotals(ctx context.Context) (Reading[*domain.RunCosts], error)
}

// WorkerState knows what the worker last said of itself.
type WorkerState interface {
	// WorkerState returns nil without an error if no worker state is configured,
	// and an error that wraps domain.CodeWorkerStateMissing if one is but nothing
	// was written yet. Values that could not be read as their type are nil in a state
	// that comes with an *UnreadableError. Where the worker does not say when it wrote its
	// state, the source may.
	WorkerState(ctx context.Context) (*domain.Worker, error)
}

// UnreadableError is the error beside a value of which parts could not be read as their
// type and became nil, where no Reading counts them. It wraps its code.
type UnreadableError struct {
	Code domain.Code
	// Values says of each part what is wrong with it, without showing what it is.
	Values []string
}

// Error implements error.
func (u *UnreadableError) Error() string {
	return "read values: " + strings.Join(u.Values, "; ") + ": " + u.Code.Error()
}

// Unwrap returns the code.
func (u *UnreadableError) Unwrap() error { return u.Code }

// CPUReader reads processes of this host.
type CPUReader interface {
	// ClockTicks returns the number of clock ticks in a second; nil where the
	// platform has none.
	ClockTicks() *int64
	// Sample returns one sample for each of the pids, in their order, whatever
	// becomes of the processes. A number that cannot be a pid is ProcessGone. If
	// the context ends on the way, the samples are returned with an error, and
	// those not taken have neither ticks nor process. Processes themselves come
	// before what is below them. StartedAfterJobS is nil: only the caller knows the
	// jobs.
	Sample(ctx context.Context, pids []int64) ([]Sample, error)
}

// Sample is one process as it was at one moment.
type Sample struct {
	// CPUTicks is utime + stime; nil unless the process exists and was read.
	CPUTicks *int64
	// Process is nil only if the sample was not taken.
	Process *domain.Process
}

// Clock tells the time.
type Clock interface {
	// Now returns the present instant.
	Now() domain.Instant
}

// Viewer is a store whose sources can share one consistent view.
type Viewer interface {
	// View returns a context through which every source of the store reads the
	// same state, and a function that ends the view and gives back what it holds.
	// It does not fail and touches nothing: the first reading opens the view, and
	// reports what is wrong. The function is called once, and returns without
	// waiting for a reading that is still under way; readings after it fail.
	//
	// Readings of a view may wait for each other. One that takes long leaves the
	// others time to answer: it gives up before the deadline of its context, after
	// half of what was left when it began. One that blocks, fails or is given up takes
	// no other with it: they go on in the same state.
	//
	// A source that is called with another context reads a view of its own.
	View(ctx context.Context) (context.Context, func())
}
