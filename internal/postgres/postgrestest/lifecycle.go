package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Start starts the server and waits until it answers, for which pg_ctl alone is not
// enough: without hot_standby it takes a server that recovers from a crash for a standby.
func (s *Server) Start() error {
	if err := s.run("pg_ctl", "start", "-D", s.Dir, "-l", s.logPath(), "-w", "-t", "90", "-s"); err != nil {
		return err
	}
	for deadline := time.Now().Add(patient); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.URL("postgres", "postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		const notYet = "57P03" // cannot_connect_now
		if refused, answered := errors.AsType[*pgconn.PgError](err); answered && refused.Code != notYet {
			return nil // it answers, if not to this role
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("start: the server does not answer: %w", err)
		}
	}
}

// Launch starts the server and does not wait for it.
func (s *Server) Launch() error {
	return s.run("pg_ctl", "start", "-D", s.Dir, "-l", s.logPath(), "-W", "-s")
}

// Stop stops it: fast, or immediate as a crash would.
func (s *Server) Stop(mode string) error {
	return s.run("pg_ctl", "stop", "-D", s.Dir, "-m", mode, "-w", "-t", "90", "-s")
}

// Promote makes a standby a server of its own.
func (s *Server) Promote() error {
	return s.run("pg_ctl", "promote", "-D", s.Dir, "-w", "-t", "90", "-s")
}

// PID is that of the server's first process.
func (s *Server) PID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.Dir, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// Processes are all processes of the server, the first one first.
func (s *Server) Processes() ([]int, error) {
	first, err := s.PID()
	if err != nil {
		return nil, err
	}
	found := []int{first}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range entries {
		text, _ := os.ReadFile(path)
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(first) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			found = append(found, pid)
		}
	}
	return found, nil
}

// Standby makes a standby of the server, which ends with the test.
func (s *Server) Standby(t testing.TB, settings ...string) *Server {
	t.Helper()
	port, err := FreePort()
	require.NoError(t, err)
	standby := &Server{bin: s.bin, Dir: filepath.Join(filepath.Dir(s.Dir), "standby"), Port: port, cred: s.cred}
	require.NoError(t, s.run("pg_basebackup", "-D", standby.Dir, "-R", "-c", "fast", "--no-sync",
		"-d", fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", s.Port)))
	require.NoError(t, standby.Configure(append([]string{"port = " + strconv.Itoa(port)}, settings...)...))
	t.Cleanup(func() { _ = standby.Stop("immediate") })
	require.NoError(t, standby.Start())
	return standby
}
