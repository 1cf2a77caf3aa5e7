package tests

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// procTree makes a proc tree of two processes: 4242, which waits on its busy
// child 4250. Process 4300 is not there.
func procTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(content string, path ...string) {
		file := filepath.Join(append([]string{root}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	auxv := binary.NativeEndian.AppendUint64(nil, 17) // AT_CLKTCK
	auxv = binary.NativeEndian.AppendUint64(auxv, 100)
	write(string(binary.NativeEndian.AppendUint64(auxv, 0)), "self", "auxv")
	write("btime 1780308000\n", "stat") // 2026-06-01 10:00:00 UTC
	write("11111111-2222-3333-4444-555555555555\n", "sys", "kernel", "random", "boot_id")

	process := func(pid, parent int, comm, state string, utime, stime, cutime, cstime, start, pages int, children string) {
		id := strconv.Itoa(pid)
		write(fmt.Sprintf("%d (%s) %s %d 0 0 0 -1 0 0 0 0 0 %d %d %d %d 20 0 1 0 %d 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
			pid, comm, state, parent, utime, stime, cutime, cstime, start, pages), id, "stat")
		write(fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPid:\t%d\n", comm, pid, pid), id, "status")
		write(children, id, "task", id, "children")
	}
	activity := func(pid, runNS, slices, read, written int) {
		id := strconv.Itoa(pid)
		write(fmt.Sprintf("%d 5 %d\n", runNS, slices), id, "task", id, "schedstat")
		write(fmt.Sprintf("rchar: %d\nwchar: %d\nsyscr: 1\nsyscw: 2\nread_bytes: 3\nwrite_bytes: 4\ncancelled_write_bytes: 5\n", read, written), id, "io")
	}
	activity(4242, 1_750_000_417, 5210, 91_000, 800)
	activity(4250, 32_000_000_583, 790, 4_000_000, 1_200_000)
	process(1, 0, "init", "S", 1, 1, 0, 0, 1, 100, "4242 ")
	process(4242, 1, "a) R (b c", "S", 150, 25, 10, 5, 660000, 256, "4250 ")
	process(4250, 4242, "cc1plus", "R", 3000, 200, 0, 0, 700000, 1024, "")
	return root
}
