package workerstate_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/domain"
)

func TestFileThatIsNotConfigured(t *testing.T) {
	worker, err := workerstate.NewFile("").WorkerState(t.Context())
	require.NoError(t, err)
	assert.Nil(t, worker)
}

func TestFileComesAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.json")
	file := workerstate.NewFile(path)
	_, err := file.WorkerState(t.Context())
	require.ErrorIs(t, err, domain.CodeWorkerStateMissing)

	require.NoError(t, os.WriteFile(path, []byte(`{"max_concurrency":1}`), 0o600))
	worker, err := file.WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, new(int64(1)), worker.MaxConcurrency)

	require.NoError(t, os.WriteFile(path, []byte(`{"max_concurrency":2}`), 0o600))
	worker, err = file.WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, new(int64(2)), worker.MaxConcurrency, "it is read anew each time")

	require.NoError(t, os.Remove(path))
	worker, err = file.WorkerState(t.Context())
	require.ErrorIs(t, err, domain.CodeWorkerStateMissing)
	assert.Nil(t, worker, "nothing of before is left")
}

func TestFileSize(t *testing.T) {
	const most = 1 << 20
	sized := func(size int) string {
		return `{"max_concurrency":7,"x":"` + strings.Repeat("a", size-len(`{"max_concurrency":7,"x":""}`)) + `"}`
	}
	worker, err := read(t, sized(most))
	require.NoError(t, err)
	assert.Equal(t, new(int64(7)), worker.MaxConcurrency)

	for _, content := range []string{sized(most + 1), `{"max_concurrency":7}` + strings.Repeat(" ", most), sized(4 * most)} {
		worker, err := read(t, content)
		require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
		require.ErrorContains(t, err, "larger than 1048576 bytes")
		assert.Nil(t, worker)
	}
}

// What is no regular file is refused at once: a pipe that nobody writes to would
// wait for ever.
func TestFilesOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, syscall.Mkfifo(path("pipe"), 0o600))
	require.NoError(t, os.Mkdir(path("directory"), 0o700))
	require.NoError(t, os.Symlink(path("pipe"), path("link to pipe")))
	require.NoError(t, os.Symlink(path("link to itself"), path("link to itself")))
	socket, err := net.Listen("unix", path("socket"))
	require.NoError(t, err)
	defer socket.Close()
	require.NoError(t, syscall.Mkfifo(path("held pipe"), 0o600))
	held, err := os.OpenFile(path("held pipe"), os.O_RDWR, 0) // with a writer that says one thing and stays
	require.NoError(t, err)
	defer held.Close()
	_, err = held.WriteString(`{"max_concurrency":1}`)
	require.NoError(t, err)
	kinds := []string{path("held pipe"), path("pipe"), path("directory"), path("link to pipe"), path("link to itself"), path("socket"), path("pipe/below"), os.DevNull, "/dev/zero"}
	for _, kind := range kinds {
		worker, err := workerstate.NewFile(kind).WorkerState(t.Context())
		require.ErrorIs(t, err, domain.CodeWorkerStateInvalid, kind)
		assert.Nil(t, worker)
	}

	require.NoError(t, os.Symlink(path("nowhere"), path("link to nowhere")))
	_, err = workerstate.NewFile(path("link to nowhere")).WorkerState(t.Context())
	require.ErrorIs(t, err, domain.CodeWorkerStateMissing)
	_, err = workerstate.NewFile(path("no/directory")).WorkerState(t.Context())
	require.ErrorIs(t, err, domain.CodeWorkerStateMissing)

	require.NoError(t, os.WriteFile(path("file"), []byte(`{"max_concurrency":1}`), 0o600))
	require.NoError(t, os.Symlink(path("file"), path("link to file")))
	worker, err := workerstate.NewFile(path("link to file")).WorkerState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, new(int64(1)), worker.MaxConcurrency)
}

// TestFIFOIsNotOpened: to open one for reading would let go whoever waits to write
// to it, and then break their pipe.
func TestFIFOIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.json")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	opened := make(chan *os.File)
	go func() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		assert.NoError(t, err)
		opened <- file
	}()
	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
		_, err := workerstate.NewFile(path).WorkerState(t.Context())
		require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
		select {
		case <-opened:
			require.Fail(t, "a writer was let go")
		default:
		}
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	require.NoError(t, (<-opened).Close())
	require.NoError(t, reader.Close())
}

func TestFileIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.json")
	for _, content := range []string{`{}`, `[]`, strings.Repeat(" ", 1<<20+1)} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		before := openFiles(t)
		for range 20 {
			_, _ = workerstate.NewFile(path).WorkerState(t.Context())
			_, _ = workerstate.NewFile(filepath.Dir(path)).WorkerState(t.Context())
		}
		assert.Equal(t, before, openFiles(t))
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/dev/fd")
	require.NoError(t, err)
	return len(list)
}

// stateOf is the n-th state that the other process writes; states differ in
// length.
func stateOf(n int64) string {
	return fmt.Sprintf(`{"max_concurrency":%d,"poll_interval":%d.5,"padding":"%s"}`, n, n, strings.Repeat("x", int(n%7)*3000))
}

// writeStates is what the other process does until its standard input ends.
func writeStates(path string) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for n := int64(0); ; n++ {
		next := path + ".next"
		if err := os.WriteFile(next, []byte(stateOf(n)), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(next, path); err != nil {
			panic(err)
		}
		if n == 0 {
			fmt.Println("writing")
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

// A file that another process replaces by rename is seen as one state or the
// next, whole, and never goes back.
func TestFileReplacedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "worker.json")
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerEnv+"="+path)
	writer.Stderr = os.Stderr
	stdin, err := writer.StdinPipe()
	require.NoError(t, err)
	stdout, err := writer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	t.Cleanup(func() {
		assert.NoError(t, stdin.Close())
		assert.NoError(t, writer.Wait())
	})
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)

	file := workerstate.NewFile(path)
	var last int64
	distinct := 0
	for reads := 0; reads < 500 || distinct < 50; reads++ {
		worker, err := file.WorkerState(t.Context())
		require.NoError(t, err)
		n := *worker.MaxConcurrency
		require.InDelta(t, float64(n)+0.5, *worker.PollInterval, 0, "of one state")
		require.GreaterOrEqual(t, n, last)
		if n != last {
			distinct++
		}
		last = n
	}
}
