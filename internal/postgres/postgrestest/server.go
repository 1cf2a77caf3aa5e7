// Package postgrestest runs real PostgreSQL servers for tests: Debian's, as a user without
// rights, on loopback, in a temporary directory.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Server is a cluster, and the server over it while it runs.
type Server struct {
	// Port is where it listens on 127.0.0.1, also after a restart.
	Port int
	// Dir is the data directory.
	Dir string
	// Env are variables for the programs, and the server from its next start on.
	Env []string

	bin  string
	cred *syscall.Credential // nil unless the tests run as root
}

// patient is how long a server may take for anything, on a slow machine too.
const patient = 90 * time.Second

// Bin is the directory of PostgreSQL's programs, the newest; it skips the test where
// there is none.
func Bin(t testing.TB) string {
	t.Helper()
	bin, err := findBin()
	if err != nil {
		t.Skip(err)
	}
	return bin
}

// ErrAbsent is the error where there is no PostgreSQL.
var ErrAbsent = errors.New("needs a PostgreSQL server (Debian: apt-get install postgresql)")

func findBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		if path, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), nil
		}
		return "", ErrAbsent
	}
	newest := found[0]
	for _, path := range found {
		if version(path) > version(newest) {
			newest = path
		}
	}
	return filepath.Dir(newest), nil
}

// Start is New outside of a test; stop ends the server.
func Start(settings ...string) (s *Server, stop func(), err error) {
	bin, err := findBin()
	if err != nil {
		return nil, nil, err
	}
	if s, err = create(bin, settings...); err != nil {
		if s != nil {
			s.remove()
		}
		return nil, nil, err
	}
	return s, s.remove, nil
}

func version(path string) int {
	number, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return number
}

// New makes a cluster and starts a server that ends with the test. Settings are lines of
// postgresql.conf.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := create(Bin(t), settings...)
	if s != nil {
		t.Cleanup(s.remove)
	}
	require.NoError(t, err)
	return s
}

// create makes a cluster and starts it. It may be half there with an error.
func create(bin string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "orchmetrics-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, Dir: filepath.Join(dir, "data"), cred: unprivileged()}
	if s.cred != nil {
		if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return s, err
		}
	}
	if err := s.run("initdb", "-D", s.Dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return s, err
	}
	if s.Port, err = FreePort(); err != nil {
		return s, err
	}
	if err := s.Configure(append([]string{
		"listen_addresses = '127.0.0.1'", "port = " + strconv.Itoa(s.Port), "unix_socket_directories = ''", "fsync = off", "full_page_writes = off",
		"synchronous_commit = off", "max_connections = 60", "shared_buffers = 32MB", "logging_collector = off", "autovacuum_naptime = 1h",
	}, settings...)...); err != nil {
		return s, err
	}
	if err := s.Start(); err != nil {
		return s, err
	}
	return s, s.run("psql", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "postgres", "-q",
		"-c", "CREATE ROLE orchestrator LOGIN CREATEDB", "-c", "CREATE ROLE metrics LOGIN")
}

// unprivileged is the user that servers run as where the tests run as root, as which
// they refuse to.
func unprivileged() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid := 65534, 65534
	if nobody, err := user.Lookup("nobody"); err == nil {
		uid, _ = strconv.Atoi(nobody.Uid)
		gid, _ = strconv.Atoi(nobody.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// Command is a program, run as the server's user.
func (s *Server) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Dir = filepath.Dir(s.Dir)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") }), "LC_ALL=C", "TZ=UTC")
	cmd.Env = append(cmd.Env, s.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Setpgid: true} // Ctrl-C is for the tests alone
	return cmd
}

func (s *Server) run(program string, args ...string) error {
	out, err := s.Command(filepath.Join(s.bin, program), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// Configure appends lines to postgresql.conf, which count from the next start or reload.
func (s *Server) Configure(lines ...string) error {
	return s.appendTo("postgresql.conf", lines...)
}

func (s *Server) appendTo(name string, lines ...string) error {
	file, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(strings.Join(lines, "\n") + "\n")
	return err
}

// Access replaces pg_hba.conf, and reloads it.
func (s *Server) Access(lines ...string) error {
	if err := os.WriteFile(filepath.Join(s.Dir, "pg_hba.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return s.run("pg_ctl", "reload", "-D", s.Dir)
}

func (s *Server) logPath() string {
	return filepath.Join(filepath.Dir(s.Dir), filepath.Base(s.Dir)+".log")
}

// Log is what the server wrote to its log.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.logPath())
	return string(text)
}

func (s *Server) remove() {
	_ = s.Stop("immediate")
	_ = os.RemoveAll(filepath.Dir(s.Dir))
}

// URL is that of a database, as a role.
func (s *Server) URL(role, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", role, s.Port, database)
}

// Connect connects as a role; the connection ends with the test.
func (s *Server) Connect(t testing.TB, role, database string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(role, database))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs statements over a connection, each by itself.
func Exec(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := conn.Exec(context.Background(), statement, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err, statement)
	}
}

// FreePort is a port on loopback that nobody listens on.
func FreePort() (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
