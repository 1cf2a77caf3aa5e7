package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// aLongTime is more than anything here takes, on any machine.
const aLongTime = 30 * time.Second

// stopping is how long a stop may take.
const stopping = 5 * time.Second

// piped is a command whose outputs are pipes.
type piped struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *pipe
	ended          chan struct{} // closed when it has
	status         int           // -1 if a signal ended it
	sections       string        // the directory of its drop-in sections
	changes        int
}

// newPiped prepares a command that has a section of a file.
func newPiped(t *testing.T, args ...string) *piped {
	t.Helper()
	p := &piped{t: t, stdout: newPipe(t), stderr: newPipe(t), ended: make(chan struct{}), sections: t.TempDir()}
	p.cmd = launch{db: filepath.Join(t.TempDir(), "none.db"), env: []string{"ORCH_SECTIONS_DIR=" + p.sections}}.command(t, args...)
	p.cmd.Env = append(p.cmd.Env, within(timeout), "TMPDIR="+t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = p.stdout.writing, p.stderr.writing
	return p
}

func (p *piped) start() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
}

// change has the section fail, or makes it well again, so that the log has
// something to say.
func (p *piped) change() {
	p.t.Helper()
	p.changes++
	content := []string{"{}", "no JSON"}[p.changes%2]
	draft := filepath.Join(p.sections, ".draft")
	require.NoError(p.t, os.WriteFile(draft, []byte(content), 0o600))
	require.NoError(p.t, os.Rename(draft, filepath.Join(p.sections, "flaps.json")))
}

// scrape asks a service a few times while the section changes, and returns how
// long the slowest answer took.
func (p *piped) scrape(url string) (slowest time.Duration) {
	p.t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	s := &service{url: url, client: &http.Client{Transport: transport, Timeout: aLongTime}}
	for range 50 {
		p.change()
		a, err := s.ask(http.MethodGet, "/metrics")
		require.NoError(p.t, err)
		e, err := a.read()
		require.NoError(p.t, err)
		assert.Equal(p.t, p.changes%2 == 0, e.at("sections", "flaps", "status") == "ok", "this is what the log tells of")
		slowest = max(slowest, a.took)
	}
	return slowest
}

// terminate asks for the end, and returns how long it took.
func (p *piped) terminate() time.Duration {
	p.t.Helper()
	began := time.Now()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.waitUntilEnded(began)
}

func (p *piped) waitUntilEnded(began time.Time) time.Duration {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(aLongTime):
		require.Fail(p.t, "it does not end")
	}
	return time.Since(began)
}

const servesAt = `msg=serving address=(\S+)`

// TestLogHarmsNothing: whatever becomes of who reads standard error or standard
// output, each answer comes as fast as ever, and the end when it is asked for.
func TestLogHarmsNothing(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "demo"} {
		for kind, goesWrong := range wrongs {
			unheard.try(t, command+", stderr "+kind, func(t *testing.T) {
				t.Parallel()
				p := newPiped(t, command)
				p.start()
				url := "http://" + p.stderr.find(servesAt)
				goesWrong(p.stderr)
				slowest, took := testUnheard(t, p, url)
				unheard.measuredf(t, "%s, stderr %s: the slowest of 50 answers took %d ms, the stop %d ms", command, kind,
					slowest.Milliseconds(), took.Milliseconds())
			})
			unheard.try(t, command+", stdout "+kind, func(t *testing.T) {
				t.Parallel()
				p := newPiped(t, command)
				goesWrong(p.stdout) // the demo writes to it at its start
				p.start()
				testUnheard(t, p, "http://"+p.stderr.find(servesAt))
			})
		}
	}
}

func testUnheard(t *testing.T, p *piped, url string) (slowest, took time.Duration) {
	t.Helper()
	slowest = p.scrape(url)
	took = p.terminate()
	assert.Zero(t, p.status, "it ends as asked, and by nothing else")
	assert.Less(t, took, stopping)
	return slowest, took
}

// TestLogHarmsNothing_Record: a recording goes on whoever reads standard error. It
// is standard output that it is for: without a reader there it ends, and says why.
func TestLogHarmsNothing_Record(t *testing.T) {
	t.Parallel()
	recording := func(t *testing.T) *piped {
		t.Helper()
		p := newPiped(t, "record", "--every=5ms", "--for=0")
		p.change()
		p.start()
		p.stdout.find(`(section)`)
		return p
	}
	for kind, goesWrong := range wrongs {
		unheard.try(t, "record, stderr "+kind, func(t *testing.T) {
			t.Parallel()
			p := recording(t)
			goesWrong(p.stderr)
			for range 50 {
				p.change()
				p.stdout.find(`("flaps")`)
			}
			go func() { _, _ = p.stdout.lines.WriteTo(io.Discard) }()
			took := p.terminate()
			assert.Zero(t, p.status)
			assert.Less(t, took, stopping)
		})
	}
	unheard.try(t, "record, stdout gone", func(t *testing.T) {
		t.Parallel()
		p := recording(t)
		began := time.Now()
		p.stdout.leave()
		p.waitUntilEnded(began)
		assert.Equal(t, 1, p.status)
		assert.Regexp(t, `(?m)^api: write recording: .*broken pipe$`, p.stderr.rest())
	})
	unheard.try(t, "record, stdout stalled", func(t *testing.T) {
		t.Parallel()
		p := newPiped(t, "record", "--every=5ms", "--for=0")
		p.stdout.fill()
		p.change()
		p.start()
		p.stderr.find(`(section=flaps)`)
		assert.Less(t, p.terminate(), stopping)
		assert.Equal(t, 1, p.status)
		// The latter if the end came between the answer and its writing.
		assert.Regexp(t, `(?m)^api: (write recording: standard output is full and nobody reads it|record: there was no answer)`, p.stderr.rest())
	})
}

// TestLogFlowsAgain: when a reader that stalled reads on, the log is all there;
// where there was none, the log says how many lines that cost.
func TestLogFlowsAgain(t *testing.T) {
	t.Parallel()
	unheard.try(t, "a reader that stalled reads on", func(t *testing.T) {
		t.Parallel()
		p := newPiped(t, "serve")
		p.start()
		url := "http://" + p.stderr.find(servesAt)
		p.stderr.fill()
		p.scrape(url)
		for range 3 { // as many changes as are told at once
			p.stderr.find(`(section not ok).* section=flaps .*code=invalid_value`)
			p.stderr.find(`(section recovered).* section=flaps`)
		}
		p.terminate()
		assert.Contains(t, p.stderr.rest(), "msg=stopping")
	})
	unheard.try(t, "another reader comes", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(path, 0o600))
		reading, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		writing, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		p := newPiped(t, "serve")
		p.stderr.reading, p.stderr.writing, p.stderr.lines = reading, writing, bufio.NewReader(reading)
		p.cmd.Stderr = writing
		p.start()
		url := "http://" + p.stderr.find(servesAt)
		p.stderr.leave()
		p.scrape(url)

		p.stderr.reading, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		p.stderr.lines = bufio.NewReader(p.stderr.reading)
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
		dropped, err := strconv.Atoi(p.stderr.find(`level=WARN msg="log lines were dropped: .*" lines=(\d+)`))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, dropped, 6, "those that were told at once")
		p.stderr.find(`msg=(stopping)`)
		p.waitUntilEnded(time.Now())
		assert.Zero(t, p.status)
	})
}

// TestLogIsBounded: a section that changes with each scrape, and names of files
// that are ever new, fill neither the log nor the memory.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	files, scrapes := 64, often(500, 1500)
	unheard.try(t, fmt.Sprintf("%d refused names", files*scrapes), func(t *testing.T) {
		t.Parallel()
		p := newPiped(t, "serve")
		p.cmd.Env = append(p.cmd.Env, "GOGC=100")
		p.start()
		url := "http://" + p.stderr.find(servesAt)
		require.NoError(t, p.stderr.writing.Close())
		lines := make(chan int, 1)
		go func() {
			log, _ := io.ReadAll(p.stderr.lines)
			lines <- bytes.Count(log, []byte("\n"))
		}()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		s := &service{url: url, client: &http.Client{Transport: transport}}
		name := func(scrape, file int) string {
			return filepath.Join(p.sections, fmt.Sprintf("Refused %d %d %s.json", scrape, file, strings.Repeat("x", 200)))
		}
		for file := range files {
			require.NoError(t, os.WriteFile(name(0, file), []byte("{}"), 0o600))
		}
		began := time.Now()
		var before int
		for scrape := range scrapes {
			if scrape == 200 {
				before = p.resident()
			}
			_, err := s.ask(http.MethodGet, "/metrics")
			require.NoError(t, err)
			for file := range files {
				require.NoError(t, os.Rename(name(scrape, file), name(scrape+1, file)))
			}
		}
		grown, took := p.resident()-before, time.Since(began)
		p.terminate()
		logged := <-lines
		assert.Less(t, grown, 15<<10, "KiB")
		assert.Less(t, logged, 100+3*int(took.Seconds()))
		unheard.measuredf(t, "%d refused names: %d lines of log in %d s, %d KiB of memory", files*scrapes, logged, int(took.Seconds()), grown)
	})
}

// resident is how much of the memory the program has, in KiB.
func (p *piped) resident() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	found := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`).FindSubmatch(status)
	require.NotNil(p.t, found, "%s", status)
	size, err := strconv.Atoi(string(found[1]))
	require.NoError(p.t, err)
	return size
}
