package chaos

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each canary is planted where nobody may read it. All begin alike.
const canary = "CANARY"

// dsn is a location as a careless operator might set it. Of it only the path is
// used.
func dsn(p *place) string {
	return "file:" + p.db + "?_auth&_auth_user=CANARY-user&_auth_pass=CANARY-pass&_journal_mode=CANARY-mode&mode=rwc&password=CANARY-word"
}

// planted is SQL that puts canaries into what is in the database and not shown.
const planted = `
UPDATE jobs SET error = 'CANARY-error: no such table: secrets';
ALTER TABLE jobs ADD COLUMN payload TEXT DEFAULT 'CANARY-payload';
ALTER TABLE tasks ADD COLUMN prompt TEXT DEFAULT 'CANARY-prompt';
ALTER TABLE agent_runs ADD COLUMN command TEXT DEFAULT 'CANARY-command';
CREATE TABLE CANARY_table (CANARY_column);
CREATE INDEX CANARY_index ON jobs(payload);
CREATE TRIGGER CANARY_trigger AFTER UPDATE ON jobs BEGIN SELECT 'CANARY-trigger'; END;`

// driverWords are of SQLite, its driver, the kernel or Go, and no business of who
// reads an answer.
var driverWords = []string{
	"sqlite", "select ", "pragma", "no such", "is malformed", "database is", "database disk", "not a database", "unable to open", "file:",
	"permission denied", "is a directory", "invalid character", "unexpected end", "goroutine", ".go:", "context deadline", "_auth",
}

// requests are all ways to make the service answer something.
var requests = []struct{ method, target string }{
	{"GET", "/metrics"},
	{"HEAD", "/metrics"},
	{"POST", "/metrics"},
	{"GET", "/metrics?section=queue&section=cost"},
	{"GET", "/metrics?section=nonsense"},
	{"GET", "/metrics?section=%zz"},
	{"GET", "/metrics/prometheus"},
	{"GET", "/readyz"},
	{"GET", "/readyz?verbose"},
	{"GET", "/livez"},
	{"GET", "/"},
	{"GET", "/../../etc/passwd"},
	{"DELETE", "/nothing"},
	{"OPTIONS", "/*"},
}

// leak is a situation in which errors arise from something that is not to be told.
type leak struct {
	name   string
	cause  func(t *testing.T, p *place)
	env    func(t *testing.T, p *place) []string
	worker string // the content of the worker's snapshot; none if empty
	code   string // that some section must have, so that the error path was taken
}

func script(statements string) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		o := start(t, p)
		o.run("%s", statements)
		o.stop()
	}
}

// sections drops a file into the directory of sections.
func sections(content string) func(*testing.T, *place) []string {
	return func(t *testing.T, p *place) []string {
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, "CANARY-sections", "dropped.json"), []byte(content), 0o644))
		return nil
	}
}

var leaks = []leak{
	{name: "nothing is wrong", worker: `{"breaker": null}`},
	{name: "missing", code: "db_missing", cause: func(t *testing.T, p *place) { p.remove(t, p.db) }},
	{name: "not to be read", code: "db_permission", cause: func(t *testing.T, p *place) { require.NoError(t, os.Chmod(p.db, 0)) }},
	{name: "crashed", code: "db_not_live", cause: func(t *testing.T, p *place) {
		crash(t, p)
		p.remove(t, p.db+"-shm")
	}},
	{name: "garbage", code: "db_corrupt", cause: func(t *testing.T, p *place) {
		p.write(t, p.db, []byte(strings.Repeat("CANARY-garbage", 1000)))
	}},
	{name: "a damaged schema", code: "db_corrupt", cause: script("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE CANARY-schema' WHERE name='tasks';")},
	{name: "a directory", code: "db_unreadable", cause: func(t *testing.T, p *place) {
		p.remove(t, p.db)
		require.NoError(t, os.Mkdir(p.db, 0o755))
	}},
	{
		name: "locked", code: "db_busy", cause: func(t *testing.T, p *place) { useJournal(t, p).run("BEGIN EXCLUSIVE;") },
		env: func(*testing.T, *place) []string { return []string{within(time.Second)} },
	},
	{name: "no tables", code: "schema_drift", cause: script("DROP TABLE tasks; DROP TABLE jobs; DROP TABLE agent_runs;")},
	{name: "a broken view", code: "schema_drift", cause: script("DROP TABLE tasks; CREATE VIEW tasks AS SELECT CANARY_column AS id, 'CANARY-stage' AS stage FROM CANARY_nowhere;")},
	{name: "a view that fails", code: "source_failed", cause: script("DROP TABLE tasks; CREATE VIEW tasks AS SELECT json('CANARY-json') AS id, json_extract('CANARY', 'CANARY-path') AS stage FROM jobs;")},
	{name: "sums beyond 64 bits", code: "invalid_value", cause: script("INSERT INTO agent_runs (input_tokens) VALUES (9223372036854775807), (9223372036854775807);")},
	{name: "no worker state", code: "worker_state_missing", env: func(_ *testing.T, p *place) []string {
		return []string{"ORCH_WORKER_STATE_FILE=" + p.dir + "/CANARY-none.json"}
	}},
	{name: "a worker state that is no JSON", code: "worker_state_invalid", worker: `{"CANARY-key": CANARY-value`},
	{name: "a worker state of another type", code: "worker_state_invalid", worker: `{"max_concurrency": "CANARY-number", "updated_at": "CANARY-time"}`},
	{name: "a worker state with a strange time", code: "worker_state_invalid", worker: `{"updated_at": "CANARY-time"}`},
	{name: "a dropped-in section that is no JSON", code: "invalid_value", env: sections(`{"CANARY-key": CANARY-value`)},
	{name: "a dropped-in section that is too large", code: "too_large", env: sections(`"` + strings.Repeat(canary, 1<<18) + `"`)},
	{name: "no dropped-in sections", env: func(_ *testing.T, p *place) []string {
		return []string{"ORCH_SECTIONS_DIR=" + p.dir + "/CANARY-nowhere"}
	}},
	{name: "no proc", code: "proc_unreadable", env: func(_ *testing.T, p *place) []string { return []string{"ORCH_PROC_ROOT=" + p.dir + "/CANARY-nowhere"} }},
}

// TestNothingLeaks plants canaries in every setting and in everything that is not
// shown, drives every error path, and searches all answers and the log.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	for _, l := range leaks {
		discreet.try(t, l.name, func(t *testing.T) {
			t.Parallel()
			testLeak(t, l)
		})
	}
}

func testLeak(t *testing.T, l leak) {
	p := newPlace(t, owner())
	p.dir = filepath.Join(p.dir, "CANARY-directory")
	p.db = filepath.Join(p.dir, "CANARY-file.db")
	require.NoError(t, os.Mkdir(p.dir, 0o755))
	require.NoError(t, os.Chown(p.dir, p.owner.uid, p.owner.gid))
	p.seed(t)
	script(planted)(t, p)
	agent := startAgent(t)
	script(fmt.Sprintf("UPDATE jobs SET pid = %d WHERE id = 1;", agent.Process.Pid))(t, p)
	socket, probes := filepath.Join(p.dir, "CANARY-listen.sock"), filepath.Join(p.dir, "CANARY-health.sock")
	env := append(plantedSettings(t, p, cmp.Or(l.worker, `{"breaker": null}`)), "ORCH_HEALTH_LISTEN=unix:"+probes)
	if l.env != nil {
		env = append(env, l.env(t, p)...)
	}
	if l.cause != nil {
		l.cause(t, p)
	}
	program := launch{db: dsn(p), listen: "unix:" + socket, as: &p.owner, env: env}
	s := program.start(t)
	s.url = "http://service"
	var all strings.Builder
	for _, path := range []string{socket, probes} {
		s.client = through(t, path)
		for _, request := range requests {
			a, err := s.ask(request.method, request.target)
			require.NoError(t, err)
			all.WriteString(a.text())
			checkDiscreet(t, p, a, request.method+" "+request.target)
		}
	}
	if l.code != "" {
		assert.Contains(t, all.String(), `"code":"`+l.code+`"`)
	}
	checkLog(t, s.logged(), "serve")
	for _, command := range [][]string{{"snapshot"}, {"record", "--every=1h", "--for=50ms"}} {
		printed, log := program.run(t, command...)
		checkDiscreet(t, p, answer{body: []byte(printed)}, command[0])
		checkLog(t, log, command[0])
	}
	report, log := program.run(t, "doctor", "--json") // which names files, for who may see them
	checkLog(t, report+log, "doctor")
}

// plantedSettings are canaries in all settings that can hold one, besides those of
// where the database is and where it is served.
func plantedSettings(t *testing.T, p *place, worker string) []string {
	t.Helper()
	inPlace := func(name string) string { return filepath.Join(p.dir, name) }
	p.write(t, inPlace("CANARY-worker.json"), []byte(worker))
	p.write(t, inPlace("CANARY-web.yml"), nil) // which asks for nothing
	require.NoError(t, os.Symlink("/proc", inPlace("CANARY-proc")))
	require.NoError(t, os.Mkdir(inPlace("CANARY-sections"), 0o755))
	return []string{
		"CANARY_VARIABLE=CANARY-environment", "ORCH_CANARY=CANARY-variable",
		"ORCH_WORKER_STATE_FILE=" + inPlace("CANARY-worker.json"), "ORCH_WEB_CONFIG_FILE=" + inPlace("CANARY-web.yml"),
		"ORCH_PROC_ROOT=" + inPlace("CANARY-proc"), "ORCH_SECTIONS_DIR=" + inPlace("CANARY-sections"),
	}
}

// checkLog searches what an operator sees, who may know where files are.
func checkLog(t *testing.T, log, of string) {
	t.Helper()
	for _, hidden := range []string{
		"-user", "-pass", "-mode", "-word", "_auth", // the location
		"-environment", "-argument", "-variable", // processes
		"-error", "-payload", "-prompt", "-command", "-trigger", "-garbage", "-key", "-value", "-number", // content
	} {
		assert.NotContains(t, log, canary+hidden, of)
	}
}

// checkDiscreet searches one answer.
func checkDiscreet(t *testing.T, p *place, a answer, request string) {
	t.Helper()
	text := a.text()
	assert.NotContains(t, text, canary, request)
	assert.NotContains(t, text, filepath.Dir(p.dir), request)
	for _, word := range driverWords {
		assert.NotContains(t, strings.ToLower(text), word, request)
	}
}

func (a answer) text() string {
	var header strings.Builder
	_ = a.header.Write(&header)
	return fmt.Sprintf("%d %s %s", a.status, header.String(), a.body)
}

// through asks on a unix socket, whatever the URL says.
func through(t *testing.T, socket string) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// startAgent starts a process with canaries in its arguments and environment.
func startAgent(t *testing.T) *exec.Cmd {
	t.Helper()
	agent := exec.Command("sh", "-c", "exec sleep 600", "CANARY-argument")
	agent.Env = append(os.Environ(), "CANARY=CANARY-variable")
	require.NoError(t, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	return agent
}

// TestNothingLeaks_AtStart: a location that cannot be one refuses to start, and
// repeats no secret.
func TestNothingLeaks_AtStart(t *testing.T) {
	t.Parallel()
	program, err := buildOnce()
	require.NoError(t, err)
	for _, location := range []string{
		"file:%zz?_auth_pass=CANARY-pass", "file://CANARY-host:pass@elsewhere/db?_auth_pass=CANARY-pass",
		"file::memory:?_auth_pass=CANARY-pass", "file:?_auth_pass=CANARY-pass", "file:x%00?_auth_pass=CANARY-pass",
		"file:x?mode=memory&_auth_pass=CANARY-pass", "x?_auth_pass=CANARY-pass", "postgres://x:CANARY-pass@x:port/x",
	} {
		discreet.try(t, location, func(t *testing.T) {
			for _, args := range [][]string{{"serve", "--listen=127.0.0.1:0"}, {"snapshot"}, {"snapshot", "--db=" + location}, {"doctor"}, {"record"}} {
				cmd := exec.Command(program, args...)
				cmd.Dir = t.TempDir()
				cmd.Env = append(os.Environ(), "ORCH_DB="+location)
				output, err := cmd.CombinedOutput()
				require.Error(t, err)
				assert.Contains(t, string(output), "ORCH_DB")
				assert.NotContains(t, string(output), canary)
			}
		})
	}
}
