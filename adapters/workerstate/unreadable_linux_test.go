package workerstate_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
)

func TestFileThatMayNotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.json")
	require.NoError(t, os.WriteFile(path, []byte(`{}`), 0o600))
	require.NoError(t, os.Chmod(path, 0))
	var worker *domain.Worker
	var err error
	asNobody(func() { worker, err = workerstate.NewFile(path).WorkerState(t.Context()) })
	require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.Nil(t, worker)
}

// asNobody runs fn with the file permissions of a user who is not root. The
// thread that has them ends with it.
func asNobody(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			const nobody = 65534
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		}
		fn()
	}()
	<-done
}
