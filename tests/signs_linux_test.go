package tests

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// specimen is a real process in one of the ways in which an agent can spend its time.
type specimen struct {
	label   string // its row in docs/sidecar.md
	program string // what runs it
	code    string // given with -c or -e; PORT is where the stream is
	stop    bool   // it gets SIGSTOP
	does    string // what the example sidecar has to say of it
}

// specimens are in the order of the table.
var specimens = []specimen{
	{"reads a stream with `recv`", "python3", "import socket\ns = socket.create_connection(('127.0.0.1', PORT))\nwhile s.recv(4096): pass", false, "waits"},
	{"reads it with `read`", "python3", "import os, socket\ns = socket.create_connection(('127.0.0.1', PORT))\nwhile os.read(s.fileno(), 4096): pass", false, "waits"},
	{"node reads it, with several threads", "node", "require('net').connect(PORT, '127.0.0.1').on('data', () => {})", false, "waits"},
	{"wakes up by a timer, once a second", "python3", "import time\nwhile True: time.sleep(1)", false, "waits"},
	{"waits for a child that works", "python3", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time\\nwhile True: sum(range(100000)); time.sleep(0.01)'])", false, "works"},
	{"is deadlocked", "python3", "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()", false, "stuck"},
	{"is blocked in a read for ever", "python3", "import os\nr, w = os.pipe()\nos.read(r, 1)", false, "stuck"},
	{"node, with nothing to do", "node", "setInterval(() => {}, 2 ** 30)", false, "stuck"},
	{"is stopped (SIGSTOP)", "python3", "while True: sum(range(100000))", true, "stopped"},
}

// counters are the columns of the table: ticks and what is beside them, of the process
// and of its tree.
var counters = []string{"cpu_ticks", "run_ns", "time_slices", "read_bytes", "tree_cpu_ticks", "tree_run_ns", "tree_time_slices", "tree_read_bytes"}

// slowStream sends five messages a second to whoever connects, as a model that thinks.
func slowStream(t *testing.T) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	t.Cleanup(func() { cancel(); _ = listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				for err == nil && ctx.Err() == nil {
					_, err = conn.Write([]byte(`data: {"type":"content_block_delta","delta":{"text":"word"}}` + "\n\n"))
					time.Sleep(200 * time.Millisecond)
				}
			})
		}
	})
	return listener.Addr().(*net.TCPAddr).Port
}

// startSpecimen starts one and returns its pid.
func startSpecimen(t *testing.T, s specimen, port int) int {
	t.Helper()
	program, err := exec.LookPath(s.program)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt-get install %s)", s.program, map[string]string{"python3": "python3-minimal", "node": "nodejs"}[s.program])
	}
	option := map[string]string{"python3": "-c", "node": "-e"}[s.program]
	cmd := exec.CommandContext(t.Context(), program, option, strings.ReplaceAll(s.code, "PORT", strconv.Itoa(port)))
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // and its child
		_ = cmd.Wait()
	})
	if s.stop {
		time.Sleep(50 * time.Millisecond) // in the middle of its work, wherever that is
		require.NoError(t, unix.Kill(cmd.Process.Pid, unix.SIGSTOP))
	}
	return cmd.Process.Pid
}

// TestSigns: of real processes, what docs/sidecar.md says moves does, and what it says
// stands still does for three seconds; the example sidecar is right about each, where
// ticks alone make those that wait look as those that are stuck.
// ORCHMETRICS_SIGNS_FOR=10s prints the table as measured over ten seconds.
func TestSigns(t *testing.T) {
	t.Parallel()
	port := slowStream(t)
	db := newDatabase(t, "schema.sql")
	for i, s := range specimens {
		pid := startSpecimen(t, s, port)
		execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, agent, status, pid, started_at) VALUES (%d, 's%d', 'running', %d, datetime('now'))", i+1, i, pid))
	}
	service := startService(t, []string{"ORCH_DB=" + db}, "serve")
	sidecar := watchWithSidecar(t, service.url)

	window := 3 * time.Second
	if set := os.Getenv("ORCHMETRICS_SIGNS_FOR"); set != "" {
		var err error
		window, err = time.ParseDuration(set)
		require.NoError(t, err)
	}
	table := signsTable(t)
	var wrong []string
	for deadline := time.Now().Add(time.Minute); ; {
		before := service.metrics(t)
		time.Sleep(window)
		after := service.metrics(t)
		if wrong = table.disagree(before, after); len(wrong) == 0 {
			t.Log("measured over ", window, "\n", measuredTable(before, after))
			break
		}
		if time.Now().After(deadline) {
			require.Empty(t, wrong, "node and Python may have to settle, but not for so long")
		}
	}
	sidecar.requireRight(t)
}

// growth is how much a counter of an agent grew between two answers.
func growth(before, after map[string]any, agent int, counter string) (float64, bool) {
	path := []any{"agents", agent, "process", counter}
	if counter == "cpu_ticks" {
		path = []any{"agents", agent, counter}
	}
	was, known := valueAt(before, path...).(float64)
	is, still := valueAt(after, path...).(float64)
	return is - was, known && still
}

// signs is the table of the document: a row for each specimen, a cell for each counter.
type signs [][]string

func signsTable(t *testing.T) signs {
	t.Helper()
	rows := regexp.MustCompile(`(?m)^\| (.+?) \|$`).FindAllStringSubmatch(blockBetween(t, read(t, "docs/sidecar.md"), "<!-- signs -->", "<!-- /signs -->"), -1)
	require.Len(t, rows, 1+len(specimens))
	var table signs
	for i, row := range rows[1:] {
		cells := strings.Split(row[1], " | ")
		require.Len(t, cells, 1+len(counters))
		require.Equal(t, specimens[i].label, cells[0])
		table = append(table, cells[1:])
	}
	for i, counter := range counters {
		require.Equal(t, "`"+counter+"`", strings.Split(rows[0][1], " | ")[1+i])
	}
	return table
}

func blockBetween(t *testing.T, page, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, from)
	require.True(t, found, from)
	block, _, found := strings.Cut(rest, to)
	require.True(t, found, to)
	return block
}

// disagree says which cells are not so: "0" stands still, "+…" moves, and "≤ …" does
// not by more than a tick in a second.
func (table signs) disagree(before, after map[string]any) (wrong []string) {
	for agent, cells := range table {
		for i, cell := range cells {
			grew, known := growth(before, after, agent, counters[i])
			switch {
			case !known,
				cell == "0" && grew != 0,
				strings.HasPrefix(cell, "+") && grew <= 0,
				strings.HasPrefix(cell, "≤") && (grew < 0 || grew > 3):
				wrong = append(wrong, fmt.Sprintf("%s: %s: %s, but it grew by %v", specimens[agent].label, counters[i], cell, grew))
			}
		}
	}
	return wrong
}

// measuredTable is the table with what was measured.
func measuredTable(before, after map[string]any) string {
	var out strings.Builder
	for agent, s := range specimens {
		fmt.Fprintf(&out, "| %s |", s.label)
		for _, counter := range counters {
			grew, _ := growth(before, after, agent, counter)
			switch {
			case grew == 0:
				out.WriteString(" 0 |")
			case strings.HasSuffix(counter, "run_ns"):
				fmt.Fprintf(&out, " +%.1f ms |", grew/1e6)
			default:
				fmt.Fprintf(&out, " +%.0f |", grew)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

// sidecarWatch is what the example says, line by line.
type sidecarWatch struct{ lines chan string }

func watchWithSidecar(t *testing.T, url string) sidecarWatch {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sidecar")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-w", "-o", program, "../examples/sidecar")
	build.Stderr = os.Stderr
	require.NoError(t, build.Run())
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--url", url+"/metrics", "--every", "1s", "--stuck-after", "3s")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	w := sidecarWatch{make(chan string, 10_000)}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			w.lines <- lines.Text()
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() { cancel(); <-ended; _ = cmd.Wait() })
	return w
}

var said = regexp.MustCompile(`^agent=s(\d+) .* tree=(\S+) does=(\S+) quiet=`)

// requireRight reads on until the example is right about all in one answer, in which
// ticks alone say the same of those that wait as of those that are stuck.
func (w sidecarWatch) requireRight(t *testing.T) {
	t.Helper()
	deadline := time.After(time.Minute)
	does, tree := make([]string, len(specimens)), make([]string, len(specimens))
	var want []string
	for _, s := range specimens {
		want = append(want, s.does)
	}
	for {
		select {
		case line := <-w.lines:
			found := said.FindStringSubmatch(line)
			require.NotNil(t, found, line)
			i, err := strconv.Atoi(found[1])
			require.NoError(t, err)
			tree[i], does[i] = found[2], found[3]
		case <-deadline:
			require.Equal(t, want, does, "the shares by ticks were %v", tree)
			require.Fail(t, "ticks alone tell those that wait from those that are stuck", "%v", tree)
		}
		fooled := true
		for i, s := range specimens {
			fooled = fooled && (s.does == "works" || tree[i] == "0.00")
		}
		if fooled && slices.Equal(want, does) {
			assert.Contains(t, want, "waits")
			return
		}
	}
}
