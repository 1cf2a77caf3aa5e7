package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// buildOnce builds the program once for all tests of this package.
var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "orchmetrics-tests-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "api")
	cmd := exec.Command("go", "build", "-ldflags=-w", "-o", path, "../cmd/api")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

// built is the directory of the built program; empty if no test needed it.
var built string

func removeProgram() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}

// program returns the path of the built program.
func program(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err)
	return path
}

// service is a running `api`.
type service struct {
	url    string
	cmd    *exec.Cmd
	client *http.Client
	log    *sharedBuffer // what it has logged
}

// sharedBuffer is written and read at once.
type sharedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *sharedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// patience is the section timeout where time is not what is tested: a busy machine keeps
// it as well.
const patience = "ORCH_SECTION_TIMEOUT=20s"

// startService runs the program with these arguments on a free port, and waits
// until it serves.
func startService(t *testing.T, env []string, args ...string) *service {
	t.Helper()
	return startProgram(t, program(t), env, args...)
}

func startProgram(t *testing.T, program string, env []string, args ...string) *service {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(args, "--listen=127.0.0.1:0")...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(append(os.Environ(), patience), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	transport := &http.Transport{}
	s := &service{cmd: cmd, client: &http.Client{Transport: transport}, log: &sharedBuffer{}}
	var drained sync.WaitGroup
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		drained.Wait()
		_ = cmd.Wait()
	})

	lines := bufio.NewScanner(stderr)
	serving := regexp.MustCompile(`msg=serving address=(\S+)`)
	for lines.Scan() {
		_, _ = fmt.Fprintln(s.log, lines.Text())
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			s.url = "http://" + found[1]
			drained.Go(func() { _, _ = io.Copy(s.log, stderr) })
			return s
		}
	}
	require.Fail(t, "the program did not serve", "%s", s.log)
	return nil
}

// get returns the status and body of one path. An envelope has passed the schema.
func (s *service) get(t *testing.T, path string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	response, err := s.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode == http.StatusOK && strings.HasPrefix(path, "/metrics") && path != "/metrics/prometheus" {
		contracttest.Validate(t, body)
	}
	return response.StatusCode, body
}

// metrics returns the envelope as generic JSON, so that the tests read what is
// on the wire and not what our own types make of it.
func (s *service) metrics(t *testing.T) map[string]any {
	t.Helper()
	status, body := s.get(t, "/metrics")
	require.Equal(t, http.StatusOK, status, "%s", body)
	var envelope map[string]any
	require.NoError(t, json.Unmarshal(body, &envelope))
	return envelope
}
