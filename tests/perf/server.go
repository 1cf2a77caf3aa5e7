package perf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Server is a server in another process.
type Server struct {
	// Address is host:port.
	Address string
	// PID is its process.
	PID int

	close func() error
}

// Close ends the process. It may be called again.
func (s *Server) Close() error { return s.close() }

// Dial connects to the server.
func (s *Server) Dial() (*Client, error) { return Dial(s.Address) }

// StartNaive serves a naive service over a database.
func StartNaive(db string) (*Server, error) { return startServer("naive", db) }

func startServer(role, arg string) (*Server, error) {
	c, err := startRole(role, arg)
	if err != nil {
		return nil, err
	}
	address, err := c.line()
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return &Server{Address: address, PID: c.cmd.Process.Pid, close: sync.OnceValue(c.close)}, nil
}

// Build builds the service's program into a folder, and returns its path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "api")
	return path, build("go", "build", "-o", path, "./cmd/api")
}

// BuildStatic builds it as it is installed, and lets the kernel forget the file, so that
// it is read from disk as after a boot: of one that is in memory as a linker wrote it,
// 6 MB more count as resident.
func BuildStatic(dir string) (string, error) {
	path := filepath.Join(dir, "api")
	for _, command := range [][]string{
		{"make", "static", "BIN=" + path},
		{"sync", path},
		{"dd", "if=" + path, "iflag=nocache", "count=0", "status=none"},
	} {
		if err := build(command[0], command[1:]...); err != nil {
			return "", err
		}
	}
	return path, nil
}

func build(command string, args ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	cmd := exec.Command(command, args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	return cmd.Run()
}

// StartService runs the service's program over a database, and returns once it
// serves. Settings are as in "ORCH_EXACT=true".
func StartService(program, db string, settings ...string) (*Server, error) {
	cmd := exec.Command(program, "serve", "--listen=127.0.0.1:0")
	if cmd.Dir = filepath.Dir(db); onServer(db) {
		cmd.Dir = os.TempDir()
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ORCH_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(append(cmd.Env, "ORCH_DB="+db), settings...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	address, log := awaitServing(stderr)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stderr)
	}()
	s := &Server{Address: address, PID: cmd.Process.Pid, close: sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		// What waits for an answer is not waited for.
		kill := time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		<-drained
		_ = cmd.Wait()
		return nil
	})}
	if address == "" {
		return nil, errors.Join(fmt.Errorf("the service did not serve: %q", log), s.Close())
	}
	return s, nil
}

// awaitServing reads the log up to the line that tells the address.
func awaitServing(stderr io.Reader) (address string, log []string) {
	serving := regexp.MustCompile(`msg=serving address=(\S+)`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); log = append(log, lines.Text()) {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			return found[1], log
		}
	}
	return "", log
}
