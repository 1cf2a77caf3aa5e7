package dropin_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestCollect_MayNotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "gpu.json", `1`)
	require.NoError(t, os.Chmod(filepath.Join(dir, "gpu.json"), 0))
	gpu := section(t, dir, "gpu")
	var err error
	asNobody(func() { _, err = gpu.Collect(t.Context()) })
	require.ErrorIs(t, err, domain.CodeFileUnreadable)
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
