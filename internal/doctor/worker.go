package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// workerState checks the worker's snapshot, and says how old it is. Whether that
// is too old is not for this program to say.
func (d *doctor) workerState(ctx context.Context) Result {
	path := d.cfg.WorkerStateFile
	if path == "" {
		return ok("ORCH_WORKER_STATE_FILE is unset: what the worker says of itself is null")
	}
	worker, err := workerstate.NewFile(path).WorkerState(ctx)
	var unreadable *ports.UnreadableError
	switch {
	case errors.Is(err, domain.CodeWorkerStateMissing):
		return warning(path+": there is no file", "start the worker, or check ORCH_WORKER_STATE_FILE").as(domain.CodeWorkerStateMissing)
	case errors.As(err, &unreadable):
		return warning(path+d.written(path, worker)+"; null are: "+strings.Join(unreadable.Values, ", "), "correct what the worker writes").
			as(unreadable.Code)
	case err != nil:
		reason := osReason(err)
		if reason == "" {
			reason = "it is not what docs/contract.md says of the worker's snapshot"
		}
		return failed(path+": "+reason, "correct what the worker writes, or the rights of the file").as(domain.CodeWorkerStateInvalid)
	}
	return ok(path + d.written(path, worker))
}

// written says when the file was written, and what the worker says of it.
func (d *doctor) written(path string, worker *domain.Worker) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	text := ": written " + ago(d.in.Now.Sub(info.ModTime()))
	if at := worker.WorkerUpdatedAt; at != nil && !at.Equal(info.ModTime().Truncate(time.Millisecond)) {
		text += ", updated_at is " + ago(d.in.Now.Sub(*at))
	}
	return text
}

// ago is an age in whole seconds, which is below zero if clocks disagree.
func ago(age time.Duration) string {
	return fmt.Sprintf("%s ago", age.Truncate(time.Second))
}
