package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
)

// workerState checks the worker's snapshot, and says how old it is. Whether that
// is too old is not for this program to say.
func (d *doctor) workerState(ctx context.Context) Result {
	path := d.cfg.WorkerStateFile
	if path == "" {
		return ok("ORCH_WORKER_STATE_FILE is unset: what the worker says of itself is null")
	}
	worker, err := workerstate.NewFile(path).WorkerState(ctx)
	switch {
	case errors.Is(err, domain.CodeWorkerStateMissing):
		return warning(path+": there is no file", "start the worker, or check ORCH_WORKER_STATE_FILE").as(domain.CodeWorkerStateMissing)
	case err != nil:
		reason := osReason(err)
		if reason == "" {
			reason = "it is not what docs/contract.md says of the worker's snapshot"
		}
		return failed(path+": "+reason, "correct what the worker writes, or the rights of the file").as(domain.CodeWorkerStateInvalid)
	}
	message := path
	if info, err := os.Stat(path); err == nil {
		message += ": written " + ago(d.in.Now.Sub(info.ModTime()))
	}
	if worker.WorkerUpdatedAt != nil {
		message += ", updated_at is " + ago(d.in.Now.Sub(*worker.WorkerUpdatedAt))
	}
	return ok(message)
}

// ago is an age in whole seconds, which is below zero if clocks disagree.
func ago(age time.Duration) string {
	return fmt.Sprintf("%s ago", age.Truncate(time.Second))
}
