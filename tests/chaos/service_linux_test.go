package chaos

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

const (
	// patience is the section timeout where time is not what is tested: a busy
	// machine keeps it as well.
	patience = 30 * time.Second
	// timeout is the default, and that of the tests in which a section runs into it.
	timeout = 2 * time.Second
)

// within is the setting of a section timeout.
func within(budget time.Duration) string { return "ORCH_SECTION_TIMEOUT=" + budget.String() }

// service is a running `api serve`.
type service struct {
	t      *testing.T
	url    string
	cmd    *exec.Cmd
	client *http.Client

	mu  sync.Mutex
	log bytes.Buffer
}

// launch is how the program is started.
type launch struct {
	db string
	// listen is where it serves; a free port of loopback if empty.
	listen string
	// as is who runs it; nobody in particular is who runs the tests.
	as *user
	// env are further settings.
	env []string
	// under is a command line that runs the program, which follows it.
	under []string
}

// serve starts a service over the database of a place, as the place's owner.
func serve(t *testing.T, p *place, env ...string) *service {
	t.Helper()
	return launch{db: p.db, as: &p.owner, env: env}.start(t)
}

// command is one of the program's commands, not started yet.
func (l launch) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := buildOnce()
	require.NoError(t, err)
	line := slices.Concat(l.under, []string{program}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = filepath.Dir(program) // where there is no .env, and every user may be
	cmd.Env = append(os.Environ(), "ORCH_DB="+l.db, "ORCH_LISTEN="+cmp.Or(l.listen, "127.0.0.1:0"), within(patience), "ORCH_LOG_LEVEL=debug")
	cmd.Env = append(cmd.Env, l.env...)
	if l.as != nil {
		l.as.become(cmd)
	}
	return cmd
}

// run runs a command to its end, and returns what it prints. It may find
// something wrong, which its exit status then says.
func (l launch) run(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := l.command(t, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.True(t, exit.Exited(), "%s: %s", exit, &log)
	}
	return out.String(), log.String()
}

func (l launch) start(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, cmd: l.command(t, "serve")}
	stderr, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	transport := &http.Transport{}
	s.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	s.follow(stderr)
	return s
}

// follow waits until the service says where it serves, and keeps its log.
func (s *service) follow(stderr io.Reader) {
	s.t.Helper()
	address := make(chan string, 1)
	var followed sync.WaitGroup
	followed.Go(func() {
		defer close(address)
		serving := regexp.MustCompile(`msg=serving address=(\S+)`)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadString('\n')
			s.mu.Lock()
			s.log.WriteString(line)
			s.mu.Unlock()
			if found := serving.FindStringSubmatch(line); found != nil {
				address <- "http://" + found[1]
			}
			if err != nil {
				return
			}
		}
	})
	s.t.Cleanup(func() {
		s.terminate()
		followed.Wait()
		_ = s.cmd.Wait()
	})
	s.url = <-address
	require.NotEmpty(s.t, s.url, "the program did not serve: %s", s.logged())
}

// pid is the service's own: another program may run it, and say so first.
func (s *service) pid() int {
	if found := regexp.MustCompile(`(?m)^pid (\d+)$`).FindStringSubmatch(s.logged()); found != nil {
		pid, err := strconv.Atoi(found[1])
		require.NoError(s.t, err)
		return pid
	}
	return s.cmd.Process.Pid
}

func (s *service) terminate() { _ = syscall.Kill(s.pid(), syscall.SIGTERM) }

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// answer is what came back for one request.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

func (s *service) ask(method, target string) (answer, error) {
	request, err := http.NewRequest(method, s.url+target, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	return s.do(request)
}

func (s *service) do(request *http.Request) (answer, error) {
	began := time.Now()
	response, err := s.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body, time.Since(began)}, err
}

// read returns the envelope of an answer, or what is wrong with it.
func (a answer) read() (envelope, error) {
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", a.status, a.body)
	}
	if err := contracttest.Check(a.body); err != nil {
		return nil, fmt.Errorf("%w: %s", err, a.body)
	}
	var e envelope
	if err := json.Unmarshal(a.body, &e); err != nil {
		return nil, fmt.Errorf("%w: %s", err, a.body)
	}
	return e, nil
}

// metrics scrapes once.
func (s *service) metrics() envelope {
	s.t.Helper()
	a, err := s.ask(http.MethodGet, "/metrics")
	require.NoError(s.t, err)
	e, err := a.read()
	require.NoError(s.t, err)
	return e
}
