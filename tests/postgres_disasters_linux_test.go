package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

const (
	canary    = "canary-of-the-file"
	newCanary = "canary-of-the-new-password"
	// hangUp ends the connections of the service, and those of all others to a database,
	// and waits for their end.
	hangUp    = "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = 'metrics'"
	hangUpAll = "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE datname = '%s' AND pid <> pg_backend_pid()"
)

// disaster is what happens to a server.
type disaster struct {
	name string
	// do brings it about, and undo ends it.
	do, undo func()
	// sections are those that it costs, all if there are none, and code what they say;
	// "" for one that costs nothing after the second scrape.
	code     string
	sections []string
}

// stricken is a server of its own to which things happen, and a service that reads it
// through a network that can be cut.
type stricken struct {
	*postgrestest.Server

	t        *testing.T
	db       postgrestest.Database
	network  *wire
	service  *service
	password string // the file that has it
	others   []*pgx.Conn
}

// TestPostgresDisasters: whatever happens to the server, each answer is 200 and in time,
// the cause has its code, and the second scrape after it is well again. No secret leaves.
func TestPostgresDisasters(t *testing.T) {
	t.Parallel()
	d := newStricken(t)
	for _, one := range d.disasters() {
		passed := t.Run(one.name, func(t *testing.T) {
			d.t = t
			d.requireWell("before it")
			one.do()
			if one.code != "" {
				d.requireCode(one.code, one.sections)
			}
			one.undo()
			_ = d.scrape()
			d.requireWell("by the second scrape")
		})
		if !passed {
			t.Logf("the service's log:\n%s\nthe server's:\n%s", d.service.log, d.Log())
			break
		}
	}
	assert.NotContains(t, d.service.log.String(), "canary", "the log")
	assert.Contains(t, d.service.log.String(), "source_unreachable", "it has something to say")
}

func (d *stricken) disasters() []disaster {
	stages, nothing := []string{"stages"}, func() {}
	admin := func(statements ...string) func() { return func() { d.exec("postgres", "postgres", statements...) } }
	owner := func(statements ...string) func() {
		return func() { d.exec("orchestrator", d.db.Name, statements...) }
	}
	start := func() { require.NoError(d.t, d.Start()) }
	stop := func() { require.NoError(d.t, d.Stop("fast")) }
	return []disaster{
		{"stopped", stop, start, "source_unreachable", nil},
		{"restarted", func() { stop(); start() }, nothing, "", nil},
		{"killed", func() { d.signal(syscall.SIGKILL) }, start, "source_unreachable", nil},
		{"in recovery, and crashed there", d.recover, func() { d.signal(syscall.SIGKILL); require.NoError(d.t, os.Remove(d.standbySignal())); start() }, "source_unreachable", nil},
		{"a process crashed, and all recover", d.crash, nothing, "", nil},
		{"frozen", func() { d.signal(syscall.SIGSTOP) }, func() { d.signal(syscall.SIGCONT) }, "source_unreachable", nil},
		{"network cut", func() { d.network.cut(true) }, func() { d.network.cut(false) }, "source_unreachable", nil},
		{"role may not log in", admin("ALTER ROLE metrics NOLOGIN", hangUp), admin("ALTER ROLE metrics LOGIN"), "db_permission", nil},
		{"right revoked", owner("REVOKE SELECT ON tasks FROM metrics"), owner("GRANT SELECT ON tasks TO metrics"), "db_permission", stages},
		{"password changed", admin("ALTER ROLE metrics PASSWORD '"+newCanary+"'", hangUp), func() { d.write(newCanary) }, "db_permission", nil},
		{"no connection left", d.crowd, d.disperse, "db_busy", nil},
		{"table locked", d.lock, d.disperse, "db_busy", stages},
		{"table gone", owner("ALTER TABLE tasks RENAME TO gone"), owner("ALTER TABLE gone RENAME TO tasks"), "schema_drift", stages},
		{"table recreated", owner("CREATE TABLE copy (LIKE tasks INCLUDING ALL)", "INSERT INTO copy SELECT * FROM tasks", "DROP TABLE tasks",
			"ALTER TABLE copy RENAME TO tasks", "GRANT SELECT ON tasks TO metrics"), nothing, "", nil},
		{
			"database gone", admin(fmt.Sprintf(hangUpAll, d.db.Name), "ALTER DATABASE "+d.db.Name+" RENAME TO gone"),
			admin("ALTER DATABASE gone RENAME TO " + d.db.Name), "db_missing", nil,
		},
		{"database recreated", d.recreate, nothing, "", nil},
	}
}

func newStricken(t *testing.T) *stricken {
	t.Helper()
	d := &stricken{Server: postgrestest.New(t, "max_connections = 12", "superuser_reserved_connections = 3"), t: t}
	d.db = d.NewDatabase(t)
	d.fill()
	d.password = filepath.Join(t.TempDir(), "password")
	d.write(canary)
	d.exec("postgres", "postgres", "ALTER ROLE metrics PASSWORD '"+canary+"'")
	require.NoError(t, d.Access("host all metrics 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust"))
	d.network = newWire(t, d.Port)
	d.service = startService(t, []string{
		fmt.Sprintf("ORCH_DB=postgres://metrics@%s/%s?sslmode=disable", d.network.address(), d.db.Name),
		"ORCH_DB_PASSWORD_FILE=" + d.password, "ORCH_SECTION_TIMEOUT=2s", "ORCH_LOG_LEVEL=debug", "PGPASSWORD=canary-of-the-environment",
	}, "serve")
	return d
}

// fill makes the orchestrator's tables in the database, with something in them.
func (d *stricken) fill() {
	d.t.Helper()
	script, err := os.ReadFile("../adapters/sqlstore/testdata/postgres.sql")
	require.NoError(d.t, err)
	d.exec("orchestrator", d.db.Name, string(script), "INSERT INTO tasks (stage, repo) VALUES ('review', 'canary'), ('done', NULL)",
		"INSERT INTO agent_runs (cost_usd) VALUES (1.5)", "INSERT INTO jobs (status, run_id) VALUES ('running', 1), ('queued', NULL)",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO metrics")
}

// exec runs statements over a connection of its own.
func (d *stricken) exec(role, database string, statements ...string) {
	d.t.Helper()
	conn := d.Connect(d.t, role, database)
	postgrestest.Exec(d.t, conn, statements...)
	require.NoError(d.t, conn.Close(context.Background()))
}

func (d *stricken) write(password string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(d.password, []byte(password+"\n"), 0o600))
}

// signal sends a signal to all processes of the server.
func (d *stricken) signal(number syscall.Signal) {
	d.t.Helper()
	pids, err := d.Processes()
	require.NoError(d.t, err)
	for _, pid := range pids {
		_ = syscall.Kill(pid, number)
	}
	if number == syscall.SIGKILL {
		require.Eventually(d.t, func() bool { return syscall.Kill(pids[0], 0) != nil }, 20*time.Second, 10*time.Millisecond)
	}
}

// crash kills the process of one connection, on which the server ends all others and
// recovers, and waits for that.
func (d *stricken) crash() {
	d.t.Helper()
	conn, other := d.Connect(d.t, "orchestrator", d.db.Name), d.Connect(d.t, "orchestrator", d.db.Name)
	require.NoError(d.t, syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL))
	require.Eventually(d.t, func() bool { return other.Ping(context.Background()) != nil }, time.Minute, 20*time.Millisecond)
	require.Eventually(d.t, func() bool {
		again, err := pgx.Connect(context.Background(), d.URL("orchestrator", d.db.Name))
		return err == nil && again.Close(context.Background()) == nil
	}, time.Minute, 20*time.Millisecond)
}

// standbySignal is the file that keeps a server in recovery.
func (d *stricken) standbySignal() string { return filepath.Join(d.Dir, "standby.signal") }

// recover lets the server crash and stay in recovery, where it refuses everybody.
func (d *stricken) recover() {
	require.NoError(d.t, d.Configure("hot_standby = off")) // of no account but in recovery
	d.signal(syscall.SIGKILL)
	require.NoError(d.t, os.WriteFile(d.standbySignal(), nil, 0o644))
	require.NoError(d.t, d.Launch())
	require.Eventually(d.t, func() bool {
		_, err := pgx.Connect(context.Background(), d.URL("orchestrator", d.db.Name))
		refused, answered := errors.AsType[*pgconn.PgError](err)
		return answered && refused.Code == "57P03" // cannot_connect_now
	}, time.Minute, 20*time.Millisecond)
}

// crowd takes all connections that the service could have.
func (d *stricken) crowd() {
	d.exec("postgres", "postgres", hangUp)
	for {
		conn, err := pgx.Connect(context.Background(), d.URL("orchestrator", d.db.Name))
		if err != nil {
			return
		}
		d.others = append(d.others, conn)
	}
}

func (d *stricken) lock() {
	conn := d.db.Writer(d.t)
	postgrestest.Exec(d.t, conn, "BEGIN", "LOCK TABLE tasks")
	d.others = append(d.others, conn)
}

// disperse closes the connections of others.
func (d *stricken) disperse() {
	for _, conn := range d.others {
		_ = conn.Close(context.Background())
	}
	d.others = nil
}

// recreate puts another database of the same name in the place of this one.
func (d *stricken) recreate() {
	admin := d.Connect(d.t, "postgres", "postgres")
	postgrestest.Exec(d.t, admin, "DROP DATABASE "+d.db.Name+" WITH (FORCE)")
	d.db.Create(d.t, admin)
	d.fill()
}

// scrape returns the reports of the sections. The answer is 200, valid and in time.
func (d *stricken) scrape() map[string]any {
	d.t.Helper()
	return d.service.metrics(d.t)["sections"].(map[string]any)
}

func (d *stricken) requireWell(when string) {
	d.t.Helper()
	for key, report := range d.scrape() {
		assert.Equal(d.t, "ok", report.(map[string]any)["status"], "%s: %s: %v", when, key, report)
	}
}

// requireCode expects a code of sections, and of no other. On a machine that has no time for
// it a section may be out of time before it finds out: then another scrape has to tell.
func (d *stricken) requireCode(code string, sections []string) {
	d.t.Helper()
	var reports map[string]any
	for range 10 {
		began := time.Now()
		reports = d.scrape()
		d.t.Logf("answered after %s", time.Since(began).Round(time.Millisecond))
		if !strings.Contains(fmt.Sprint(reports), "code:timeout") {
			break
		}
	}
	for key, report := range reports {
		if sections == nil || slices.Contains(sections, key) {
			assert.Equal(d.t, code, report.(map[string]any)["code"], key)
		} else {
			assert.Nil(d.t, report.(map[string]any)["code"], key)
		}
	}
}
