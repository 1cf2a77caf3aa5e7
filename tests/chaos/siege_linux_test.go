package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	// memoryBound is what the service may take in the worst case, in bytes.
	memoryBound = 300e6
	// polledBound is what it may take while it is polled in peace, restBound when nobody asks.
	polledBound, restBound = 150 << 20, 60 << 20
	// goodWithin is how long a client that reads may have to wait where the machine has
	// nothing else to do. What it took is reported; the tests allow for less.
	goodWithin, goodAtMost = 3 * time.Second, time.Minute
)

// siege is many clients that do not behave, beside one that does.
type siege struct {
	s     *service
	stop  chan struct{}
	group sync.WaitGroup

	mu   sync.Mutex
	good visitor
}

// visitor asks and reads, and tries again if it is refused.
type visitor struct {
	answers int
	worst   time.Duration
	states  map[string]int // of the sections of the database
}

// besiege opens many connections, each of which sends what it is given, reads
// nothing, and is opened anew after a while, or when it is closed.
func besiege(t *testing.T, s *service, clients int, hold time.Duration, request func() string) *siege {
	t.Helper()
	g := &siege{s: s, stop: make(chan struct{}), good: visitor{states: map[string]int{}}}
	for range clients {
		g.group.Go(func() {
			for g.open() {
				g.disturb(request(), hold)
			}
		})
	}
	g.group.Go(func() {
		for g.open() {
			g.visit()
			time.Sleep(100 * time.Millisecond)
		}
	})
	return g
}

func (g *siege) open() bool {
	select {
	case <-g.stop:
		return false
	default:
		return true
	}
}

func (g *siege) disturb(request string, hold time.Duration) {
	dialer := net.Dialer{Timeout: 5 * time.Second, Control: func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	}}
	pause := time.NewTimer(hold)
	defer pause.Stop()
	conn, err := dialer.Dial("tcp", strings.TrimPrefix(g.s.url, "http://"))
	if err == nil {
		defer conn.Close()
		_, _ = io.WriteString(conn, request)
	}
	select {
	case <-pause.C:
	case <-g.stop:
	}
}

func (g *siege) visit() {
	began := time.Now()
	for g.open() {
		a, err := g.s.ask(http.MethodGet, "/metrics")
		if err != nil || a.status == http.StatusServiceUnavailable {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		var e struct {
			Sections map[string]struct{ Code string }
		}
		_ = json.Unmarshal(a.body, &e)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.good.answers++
		g.good.worst = max(g.good.worst, time.Since(began))
		for _, key := range []string{"stages", "queue", "agents", "cost"} {
			g.good.states[fmt.Sprintf("%d %s", a.status, e.Sections[key].Code)]++
		}
		return
	}
}

// last lets the siege last for a while, and until who reads has been answered, and
// then lets the clients go.
func (g *siege) last(t *testing.T, long time.Duration) {
	t.Helper()
	time.Sleep(long)
	assert.Eventually(t, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.good.answers >= 2
	}, goodAtMost, 100*time.Millisecond, "who reads is answered")
	close(g.stop)
	g.group.Wait()
}

// memory is a line of /proc/PID/status, in bytes.
func (s *service) memory(name string) float64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid()))
	require.NoError(s.t, err)
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(s.t, found, name)
	kilobytes, err := strconv.Atoi(string(found[1]))
	require.NoError(s.t, err)
	return float64(kilobytes) * 1024
}

// report reports what a siege of this length took.
func (g *siege) report(t *testing.T, long time.Duration, name string) {
	t.Helper()
	g.last(t, long)
	peak := g.s.memory("VmHWM")
	modest.measuredf(t, "%s: %.0f MB at most; %d good answers, the slowest after %s (%s is meant, with nothing else to do)",
		name, peak/1e6, g.good.answers, g.good.worst.Round(10*time.Millisecond), goodWithin)
	assert.Less(t, peak, memoryBound)
}

func asking(target, accept string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + "\r\n\r\n"
}

// TestSiege_NobodyReads: up to a thousand clients ask for all of 10,000 running jobs and
// 100,000 tasks, in each form, and read nothing. Afterwards the memory is given back.
func TestSiege_NobodyReads(t *testing.T) {
	unlessLong(t)
	modest.try(t, "nobody reads", func(t *testing.T) {
		p := running(t, 10_000)
		start(t, p).run(`WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n LIMIT 100000)
			INSERT INTO tasks (id, work_item_id, repo, stage) SELECT i, 'ORCH-' || i, 'first', 'development' FROM n;`)
		s := serve(t, p, within(timeout))
		accepts := []string{"application/json", "text/plain", "application/json", "application/openmetrics-text"}
		codings := []string{"identity", "identity", "zstd", "gzip"}
		clients := often(300, 1000)
		g := besiege(t, s, clients, 3*time.Second, func() string {
			return asking("/metrics", accepts[rand.IntN(len(accepts))]+"\r\nAccept-Encoding: "+codings[rand.IntN(len(codings))])
		})
		g.report(t, lasting(15*time.Second), fmt.Sprintf("%d clients that never read, of 10,000 jobs and 100,000 tasks", clients))

		polls := poll(s, time.Second)
		inARow, highest := 0, 0.0
		require.Eventually(t, func() bool {
			inARow++
			highest = max(highest, s.memory("VmRSS"))
			if highest >= polledBound {
				inARow, highest = 0, 0
			}
			return inARow == often(7, 20)
		}, time.Minute, time.Second, "what the siege left is given back, and does not come again")
		modest.measuredf(t, "polled once a second after that: %.0f MB at most", highest/1e6)
		require.Empty(t, polls.end().faults)
		s.client.CloseIdleConnections()
		began := time.Now()
		require.Eventually(t, func() bool { return s.memory("VmRSS") < restBound }, time.Minute, 500*time.Millisecond)
		modest.measuredf(t, "%s after the last request: %.0f MB", time.Since(began).Round(time.Second), s.memory("VmRSS")/1e6)
	})
}

// TestSiege_DropIns: as many and as large files as there may be, and more.
func TestSiege_DropIns(t *testing.T) {
	unlessLong(t)
	for name, content := range map[string]string{
		"64 drop-ins of 1 MiB": strings.Repeat("x", 1<<20-2), "64 drop-ins of 1 MiB of <": strings.Repeat("<", 1<<20-2),
		"64 drop-ins of 1 MiB that is no UTF-8": strings.Repeat("\xffx", 1<<19-1),
	} {
		modest.try(t, name, func(t *testing.T) {
			s := withDropIns(t, 64, []byte(`"`+content+`"`))
			g := besiege(t, s, 200, time.Second, func() string { return asking("/metrics", "*/*") })
			g.report(t, lasting(6*time.Second), name)
			a, err := s.ask(http.MethodGet, "/metrics")
			require.NoError(t, err)
			_, err = a.read()
			require.NoError(t, err)
			assert.Less(t, len(a.body), 9<<20, "4 MiB of files, and U+FFFD for what is no UTF-8")
		})
	}
	modest.try(t, "random sections", func(t *testing.T) {
		s := withDropIns(t, 60, []byte("["+strings.Repeat(`{"a":"`+strings.Repeat("y", 290)+`"},`, 1000)+"0]"))
		g := besiege(t, s, 300, 200*time.Millisecond, func() string {
			target := "/metrics?"
			for i := range 60 {
				if rand.IntN(2) == 0 {
					target += fmt.Sprintf("section=k%02d&", i)
				}
			}
			return asking(target, "*/*")
		})
		g.report(t, lasting(6*time.Second), "300 clients that ask for random sections of 60 × 300 KB")
	})
}

func withDropIns(t *testing.T, files int, content []byte) *service {
	t.Helper()
	p := seeded(t)
	dir := filepath.Join(p.dir, "sections")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for i := range files {
		p.write(t, filepath.Join(dir, fmt.Sprintf("k%02d.json", i)), content)
	}
	return serve(t, p, within(timeout), "ORCH_SECTIONS_DIR="+dir)
}

// TestSiege_Breaker: the worker may write what it likes.
func TestSiege_Breaker(t *testing.T) {
	modest.try(t, "a huge breaker", func(t *testing.T) {
		p := seeded(t)
		state := filepath.Join(p.dir, "worker.json")
		p.write(t, state, []byte(`{"max_concurrency":4,"breaker":{"x":"`+strings.Repeat("<", 1<<20-100)+`"}}`))
		s := serve(t, p, "ORCH_WORKER_STATE_FILE="+state)
		e := s.metrics()
		assert.Nil(t, e.at("queue", "breaker"))
		assert.InDelta(t, 4, e.at("queue", "max_concurrency"), 0)
		assert.Equal(t, "degraded", e.at("sections", "queue", "status"))
		assert.Equal(t, "too_large", e.at("sections", "queue", "code"))
	})
}

// TestSiege_IdleConnections: there are more than there may be open files, or than
// anybody needs, and the database is read all the same.
func TestSiege_IdleConnections(t *testing.T) {
	unlessLong(t)
	many := often(1_500, 5_000)
	for name, c := range map[string]struct {
		connections, files int
		request            string
	}{
		"idle connections and 1,024 files":            {many, 1_024, ""},
		"half a request each, and 1,024 files":        {many, 1_024, "GET /metrics HTTP/1.1\r\nX-Half: "},
		"that ask now and then and 1,024 files":       {many, 1_024, asking("/livez", "*/*")},
		"idle connections, and files enough for them": {4 * many, 20_000, ""},
	} {
		modest.try(t, name, func(t *testing.T) {
			prlimit, err := exec.LookPath("prlimit")
			if err != nil {
				modest.skip(t, "needs the prlimit program (Debian: util-linux)")
			}
			var own unix.Rlimit
			require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &own))
			files := min(c.files, int(own.Max))
			connections := min(c.connections, int(own.Max)-1_000) // ours are files, too
			p := seeded(t)
			s := launch{db: p.db, as: &p.owner, under: []string{prlimit, fmt.Sprintf("--nofile=%d:%[1]d", files)}}.start(t)
			g := besiege(t, s, connections, 10*time.Second, func() string { return c.request })
			g.report(t, lasting(10*time.Second), fmt.Sprintf("%d %s", connections, name))
			assert.Equal(t, map[string]int{"200 ": 4 * g.good.answers}, g.good.states, "no section lacks a file")
		})
	}
}

// TestSiege_StopsInTime: a client that reads slowly does not hold up the end.
func TestSiege_StopsInTime(t *testing.T) {
	modest.try(t, "stop with a slow reader", func(t *testing.T) {
		p := running(t, 10_000)
		s := serve(t, p)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err = io.WriteString(conn, asking("/metrics", "*/*"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1)) // it is under way
		require.NoError(t, err)
		go func() {
			for cut := false; !cut; time.Sleep(10 * time.Millisecond) {
				_, err := conn.Read(make([]byte, 256))
				cut = err != nil
			}
		}()
		began := time.Now()
		s.terminate()
		state, err := s.cmd.Process.Wait()
		require.NoError(t, err)
		modest.measuredf(t, "stopped with a slow reader after %s", time.Since(began).Round(10*time.Millisecond))
		assert.Equal(t, 0, state.ExitCode(), s.logged())
		assert.Less(t, time.Since(began), 5*time.Second)
	})
}
