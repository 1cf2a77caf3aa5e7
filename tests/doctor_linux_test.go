package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// secret is in everything of which no value may be shown.
const secret = "hunter2"

// diagnosis is one run of api doctor.
type diagnosis struct {
	status         int
	stdout, stderr string
}

// surgery is how api doctor is started.
type surgery struct {
	program string
	dir     string
	env     []string
	uid     uint32
	under   []string // a program that starts it
}

// examine runs api doctor with these settings and no others.
func (s surgery) examine(t *testing.T, args ...string) diagnosis {
	t.Helper()
	if s.program == "" {
		s.program = program(t)
	}
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	command := append(append(s.under, s.program, "doctor"), args...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = s.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "ORCH_LISTEN=127.0.0.1:0"}, s.env...)
	if s.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.uid, Gid: s.uid}}
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		require.NoError(t, err, stderr.String())
	}
	assert.NotContains(t, stdout.String()+stderr.String(), secret)
	return diagnosis{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// report reads the answer of --json.
func (d diagnosis) report(t *testing.T) doctor.Report {
	t.Helper()
	var report doctor.Report
	decoder := json.NewDecoder(strings.NewReader(d.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&report), "%s%s", d.stdout, d.stderr)
	return report
}

// of returns what one check found.
func of(t *testing.T, report doctor.Report, check string) doctor.Result {
	t.Helper()
	for _, result := range report.Checks {
		if result.Check == check {
			return result
		}
	}
	require.Fail(t, "there is no such check", check)
	return doctor.Result{}
}

// wellHost is a directory in which all is as it should be, and the settings that
// say so.
func wellHost(t *testing.T) (db string, env []string) {
	t.Helper()
	agent := startChild(t, "idle", "agent")
	db = newDatabase(t, "schema.sql", "well.sql")
	dir := filepath.Dir(db)
	execute(t, db, fmt.Sprintf("INSERT INTO jobs (id, agent, status, attempts, pid, started_at) VALUES (21, 'developer', 'running', 1, %d, datetime('now'))",
		agent.Process.Pid), "INSERT INTO jobs (id, agent, status, started_at) VALUES (22, 'reviewer', 'running', datetime('now'))")
	worker := filepath.Join(dir, "worker.json")
	require.NoError(t, os.WriteFile(worker, []byte(`{"max_concurrency":4,"updated_at":"`+time.Now().UTC().Format(time.RFC3339)+`"}`), 0o644))
	sections := filepath.Join(dir, "sections")
	require.NoError(t, os.Mkdir(sections, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(sections, "gpu.json"), []byte(`{"used":1}`), 0o644))
	return db, []string{"ORCH_DB=" + db, "ORCH_WORKER_STATE_FILE=" + worker, "ORCH_SECTIONS_DIR=" + sections}
}

// TestGoldenDoctor shows whole reports.
func TestGoldenDoctor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(t *testing.T, db string) (env []string)
		status  int
	}{
		"all_well": {func(t *testing.T, db string) []string {
			startWriter(t, db).run("UPDATE tasks SET repo = 'web';")
			return nil
		}, 0},
		"database_missing": {func(_ *testing.T, db string) []string {
			return []string{"ORCH_DB=" + filepath.Join(filepath.Dir(db), "nowhere.db")}
		}, 2},
		"database_stopped": {func(*testing.T, string) []string { return nil }, 0},
		"schema_drifted": {func(t *testing.T, db string) []string {
			execute(t, db, "ALTER TABLE agent_runs DROP COLUMN effort", "ALTER TABLE jobs RENAME COLUMN attempts TO tries",
				"DROP INDEX idx_jobs_status", "DROP INDEX idx_tasks_stage", "ALTER TABLE tasks RENAME COLUMN stage TO phase")
			return nil
		}, 2},
		"port_taken": {func(t *testing.T, _ string) []string {
			other := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(other.Close)
			return []string{"ORCH_LISTEN=" + other.Listener.Addr().String()}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, env := wellHost(t)
			found := surgery{env: append(env, tc.arrange(t, db)...)}.examine(t)
			assert.Equal(t, tc.status, found.status)
			assert.Empty(t, found.stderr)
			compareGolden(t, "doctor_"+name+".txt", normalizeReport(found.stdout, filepath.Dir(db)))
		})
	}
}

// TestDoctor_DocumentedReport: the page shows a real one.
func TestDoctor_DocumentedReport(t *testing.T) {
	t.Parallel()
	assert.Contains(t, read(t, "docs/operations.md"), read(t, "tests/testdata/golden/doctor_schema_drifted.txt"))
}

// normalizeReport is the one place where what differs from run to run, and from
// host to host, is replaced.
func normalizeReport(report, dir string) []byte {
	report = strings.ReplaceAll(report, dir, "/var/lib/orchestrator")
	for _, r := range [][2]string{
		{`uid \d+`, "uid 1000"},
		{`\d+\.\d ms`, "0.2 ms"},
		{`-?[0-9ms]+s ago`, "1s ago"},
		{`\d+\.\d KiB`, "24.0 KiB"},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:9099"},
		{`in a pid namespace of its own`, "in the host's pid namespace"},
	} {
		report = regexp.MustCompile(r[0]).ReplaceAllString(report, r[1])
	}
	return []byte(report)
}

// TestDoctor_EverythingBroken: it comes to an end, tells of each thing, and of no
// secret.
func TestDoctor_EverythingBroken(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	write(".env", "ORCH_LISTN='"+secret+"\n")
	write("sections/cost.json", "1")
	write("sections/not a key\x1b[31m.json", "1")
	write("sections/cut.json", `{"password":"`+secret)
	found := surgery{dir: dir, env: []string{
		"ORCH_DB=" + write("orchestrator.db", strings.Repeat(secret, 1000)),
		"ORCH_WORKER_STATE_FILE=" + write("worker.json", `[{"max_concurrency":"`+secret+`"}]`),
		"ORCH_SECTIONS_DIR=" + filepath.Join(dir, "sections"),
		"ORCH_PROC_ROOT=" + dir,
		"ORCH_LISTEN=" + taken.Addr().String(),
		"ORCH_MAX_ROWS=many", "ORCH_LOG_LEVEL=loud", "ORCH_SECTION_TIMEOUT=0s", "ORCH_METRICS_ENABLED=perhaps",
		"ORCH_SECTIONS_DISABLED=stages,Cots", "ORCH_DBB=" + secret, "ORCH_TOKEN=" + secret,
	}}.examine(t)
	assert.Equal(t, 2, found.status)
	assert.Empty(t, found.stderr)
	for _, check := range []string{"settings", "database", "worker_state", "proc", "sections_dir", "listen"} {
		assert.Regexp(t, `(?m)^✗ `+check+` .+ → .+$`, found.stdout)
	}
	assert.Regexp(t, `(?m)^✓ permissions `, found.stdout)
	assert.True(t, strings.HasSuffix(found.stdout, "; not checked without the database: journal, schema, indexes\n"), found.stdout)
	for _, told := range []string{
		filepath.Join(dir, ".env") + ", line 1: unmatched '; write NAME=VALUE",
		`refused: ORCH_MAX_ROWS: "many" is no whole number; allowed: 1 to 1000000`, `refused: ORCH_LOG_LEVEL: "loud" is no level`,
		"refused: ORCH_SECTION_TIMEOUT is 0s", "ORCH_METRICS_ENABLED: ", "ORCH_DBB: no such setting; did you mean ORCH_DB?",
		"ORCH_TOKEN: no such setting\n", "cost.json: failed: key_refused", "cut.json: failed: invalid_value", "not a key\uFFFD[31m.json",
		"is taken by another program", "(db_corrupt)", "(worker_state_invalid)", "(proc_unreadable)",
	} {
		assert.Contains(t, found.stdout, told)
	}
	assert.NotContains(t, found.stdout, "\x1b")
}

// TestDoctor_JSON: the names of the checks, and the shape, are what scripts rely on.
func TestDoctor_JSON(t *testing.T) {
	t.Parallel()
	db, env := wellHost(t)
	found := surgery{env: env}.examine(t, "--json")
	report := found.report(t)
	var names []string
	for _, result := range report.Checks {
		names = append(names, result.Check)
		assert.Contains(t, []doctor.Status{doctor.OK, doctor.Warning, doctor.Failed, doctor.Skipped}, result.Status)
		assert.NotNil(t, result.Details, "a list, if an empty one")
		assert.Positive(t, result.DurationMS)
	}
	page := read(t, "docs/operations.md")
	for _, name := range names {
		assert.Contains(t, page, "| `"+name+"` |", "documented")
	}
	assert.Equal(t, []string{
		"settings", "database", "journal", "permissions", "schema", "indexes", "worker_state", "proc", "sections_dir", "web_config", "listen",
	}, names)
	assert.Equal(t, doctor.OK, report.Status)
	assert.Len(t, of(t, report, "schema").Details, 23)
	assert.Equal(t, []doctor.Detail{{Subject: "gpu.json", Status: doctor.OK, Message: "ok"}}, of(t, report, "sections_dir").Details)

	missing := surgery{env: append(env, "ORCH_DB="+db+".not")}.examine(t, "--json").report(t)
	require.NotNil(t, of(t, missing, "database").Code)
	assert.EqualValues(t, "db_missing", *of(t, missing, "database").Code)
	assert.Equal(t, doctor.Failed, missing.Status)
}

func TestDoctor_ExitStatus(t *testing.T) {
	t.Parallel()
	db, env := wellHost(t)
	assert.Equal(t, 0, surgery{env: env}.examine(t, "--strict").status)
	execute(t, db, "DROP INDEX idx_tasks_stage")
	small := surgery{env: env}.examine(t, "--strict")
	assert.Equal(t, 0, small.status, "the orchestrator's own schema has no such index, and a small table needs none")
	assert.Regexp(t, `(?m)^✓ indexes .*; no index on tasks\.stage, which counts from 50000 rows on$`, small.stdout)
	execute(t, db, "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 51000) INSERT INTO tasks (id, stage) SELECT i, 'done' FROM n")
	assert.Equal(t, 0, surgery{env: env}.examine(t).status)
	assert.Contains(t, surgery{env: env}.examine(t).stdout, "    ! tasks.stage: no index: CREATE INDEX idx_tasks_stage ON tasks(stage);\n")
	assert.Equal(t, 1, surgery{env: env}.examine(t, "--strict").status)
	assert.Equal(t, 2, surgery{env: append(env, "ORCH_DB=/nowhere/orchestrator.db")}.examine(t, "--strict").status)
	wrong := surgery{env: env}.examine(t, "--max-rows=many")
	assert.Equal(t, 1, wrong.status, "a flag that is wrong is the caller's mistake")
	assert.Contains(t, wrong.stderr, "--max-rows")
}

// TestDoctor_StrictOnTheDemo: when all is well, nothing warns: not of the schema as
// the orchestrator makes it, and not because it goes on while it is looked at.
func TestDoctor_StrictOnTheDemo(t *testing.T) {
	t.Parallel()
	orchestrator, err := demo.Start(t.Context(), demo.Options{Tick: 20 * time.Millisecond, Seed: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, orchestrator.Stop()) }()
	env := []string{"ORCH_DB=" + orchestrator.DB(), "ORCH_WORKER_STATE_FILE=" + orchestrator.WorkerStateFile()}
	var warned []string
	for range 8 {
		found := surgery{env: env}.examine(t, "--strict")
		if found.status != 0 {
			warned = append(warned, found.stdout)
		}
	}
	assert.LessOrEqual(t, len(warned), 1, "but when the machine stalls: %s", warned)
}

// TestDoctor_MissingDatabase: it is told once, and what depends on it does not warn.
func TestDoctor_MissingDatabase(t *testing.T) {
	t.Parallel()
	env := []string{"ORCH_DB=/nowhere/orchestrator.db"}
	report := surgery{env: env}.examine(t, "--json").report(t)
	for _, check := range []string{"journal", "permissions", "schema", "indexes"} {
		assert.Equal(t, doctor.Skipped, of(t, report, check).Status, check)
	}
	assert.Equal(t, doctor.OK, of(t, report, "proc").Status)
	text := surgery{env: env}.examine(t).stdout
	assert.Equal(t, 1, strings.Count(text, "✗"))
	assert.NotContains(t, text, "!")
	assert.True(t, strings.HasSuffix(text, "\n\n6 ok, 0 with a warning, 1 failed; not checked without the database: journal, permissions, schema, indexes\n"), text)
}

// TestDoctor_URLIsNotShown: a URL may hold a password.
func TestDoctor_URLIsNotShown(t *testing.T) {
	t.Parallel()
	for _, location := range []string{
		"postgres://orch:" + secret + "@db/orch", "file://" + secret + "@host/orch.db", "file:/nowhere/orch.db?password=" + secret,
		"file:%zz" + secret, "/nowhere/orch.db?password=" + secret,
	} {
		found := surgery{env: []string{"ORCH_DB=" + location}}.examine(t)
		assert.Equal(t, 2, found.status)
		assert.Contains(t, found.stdout, "✗ database")
	}
}
