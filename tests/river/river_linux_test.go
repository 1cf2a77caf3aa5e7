// Package river tries the profile of that name on the real River: its migrations, and a
// client whose workers start processes. It is a module of its own, so that who uses the
// service does not depend on River.
package river

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// agentArgs are a job that runs an agent, or fails.
type agentArgs struct {
	Prompt string `json:"prompt"`
	Fails  bool   `json:"fails"`
	Quits  bool   `json:"quits"`
}

// Kind implements river.JobArgs.
func (agentArgs) Kind() string { return "agent" }

// agentWorker starts a process, as docs/profiles/river.md has it, and waits for it.
type agentWorker struct {
	river.WorkerDefaults[agentArgs]

	started chan int
}

// NextRetry implements river.Worker: a job that has failed waits for longer than the test.
func (*agentWorker) NextRetry(*river.Job[agentArgs]) time.Time { return time.Now().Add(time.Hour) }

// Work implements river.Worker.
func (w *agentWorker) Work(ctx context.Context, job *river.Job[agentArgs]) error {
	if job.Args.Fails {
		return errors.New("as told")
	}
	if job.Args.Quits {
		return nil
	}
	cmd := exec.CommandContext(ctx, "sleep", "1000")
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err := river.ClientFromContext[pgx.Tx](ctx).JobUpdate(ctx, job.ID, &river.JobUpdateParams{Output: map[string]any{
		"pid": cmd.Process.Pid, "model": "claude-opus-4-8", "input_tokens": 100, "note": "a secret",
	}})
	w.started <- cmd.Process.Pid
	return errors.Join(err, cmd.Wait())
}

func TestProfile_River(t *testing.T) {
	server := postgrestest.Shared(t)
	db := server.NewDatabase(t)
	pool, err := pgxpool.New(t.Context(), db.URL("orchestrator", db.Name))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	require.NoError(t, err)
	_, err = migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	require.NoError(t, err)
	scrape := startService(t, "ORCH_PROFILE=river", "ORCH_DB="+db.Reader(), "ORCH_EXACT=true")

	idle := scrape()
	wellRead(t, idle)
	assert.Empty(t, idle.Stages)
	assert.Empty(t, idle.Agents)
	assert.Equal(t, &domain.Retries{}, idle.Queue.Retries)

	worker := &agentWorker{started: make(chan int, 2)}
	workers := river.NewWorkers()
	river.AddWorker(workers, worker)
	client, err := river.NewClient(driver, &river.Config{
		Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}}, FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	insert := func(args agentArgs, opts *river.InsertOpts) int64 {
		job, err := client.Insert(t.Context(), args, opts)
		require.NoError(t, err)
		return job.Job.ID
	}
	running := []int64{insert(agentArgs{Prompt: "a secret"}, nil), insert(agentArgs{}, nil)}
	waiting := []int64{
		insert(agentArgs{}, &river.InsertOpts{Queue: "nobody_works_on_it"}),
		insert(agentArgs{}, &river.InsertOpts{ScheduledAt: time.Now().Add(time.Hour)}), insert(agentArgs{}, &river.InsertOpts{Pending: true}),
		insert(agentArgs{Fails: true}, nil),
	}
	insert(agentArgs{Fails: true}, &river.InsertOpts{MaxAttempts: 1})
	insert(agentArgs{Quits: true}, nil)
	gone := insert(agentArgs{}, &river.InsertOpts{ScheduledAt: time.Now().Add(time.Hour)})
	_, err = client.JobCancel(t.Context(), gone)
	require.NoError(t, err)
	require.NoError(t, client.Start(t.Context()))
	t.Cleanup(func() { _ = client.StopAndCancel(context.Background()) })
	pids := map[int64]bool{int64(<-worker.started): true, int64(<-worker.started): true}

	var e domain.Envelope
	want := domain.StatusCounts{"queued": 4, "running": 2, "done": 1, "failed": 1, "cancelled": 1}
	require.Eventually(t, func() bool { // the others have ended
		e = scrape()
		return assert.ObjectsAreEqual(want, e.Queue.Counts)
	}, time.Minute, 50*time.Millisecond)
	wellRead(t, e)
	assert.Equal(t, int64(4), *e.Queue.Depth)
	assert.Equal(t, &domain.Retries{MaxAttemptsSeen: 1}, e.Queue.Retries)
	stages := map[int64]string{running[0]: "running", running[1]: "running", waiting[0]: "available", waiting[1]: "scheduled", waiting[2]: "pending", waiting[3]: "retryable"}
	require.Len(t, e.Stages, len(stages))
	for _, stage := range e.Stages {
		assert.Equal(t, stages[stage.TaskID], stage.Stage)
		assert.Equal(t, "agent", *stage.WorkItem)
		assert.InDelta(t, 0, *stage.AgeInStageS, 60)
	}
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Len(t, e.Agents, 2)
	for i, agent := range e.Agents {
		assert.Equal(t, running[i], agent.JobID)
		assert.Equal(t, "agent", *agent.Agent)
		assert.Equal(t, regexp.MustCompile(`^[^._]+`).FindString(host), *agent.Host)
		assert.Equal(t, "claude-opus-4-8", *agent.Model)
		assert.InDelta(t, 0, *agent.RuntimeS, 60)
		assert.True(t, pids[*agent.PID])
		require.NotNil(t, agent.Process)
		assert.Equal(t, domain.ProcessOK, agent.Process.Status)
		assert.NotNil(t, agent.CPUTicks)
		assert.InDelta(t, 0, *agent.Process.StartedAfterJobS, 60)
		assert.Equal(t, int64(100), *e.Cost.Running[i].InputTokens)
		assert.Nil(t, e.Cost.Running[i].CostUSD)
		require.NoError(t, syscall.Kill(int(*agent.PID), syscall.SIGKILL))
	}
	require.Eventually(t, func() bool { // they failed, and are tried again in an hour
		e = scrape()
		return len(e.Agents) == 0 && *e.Queue.Depth == 6
	}, time.Minute, 50*time.Millisecond)
	wellRead(t, e)
}

func wellRead(t *testing.T, e domain.Envelope) {
	t.Helper()
	for key, report := range e.Sections {
		assert.Equal(t, domain.StatusOK, report.Status, key)
		assert.Zero(t, report.Anomalies, key)
	}
	text, err := json.Marshal(e)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "secret")
}

// startService builds the program and starts it with these settings. It returns what
// asks it.
func startService(t *testing.T, env ...string) (scrape func() domain.Envelope) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "api")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/api")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.CommandContext(t.Context(), program, "serve", "--listen=127.0.0.1:0")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, stderr)
		_ = cmd.Wait()
	})
	url := ""
	for lines := bufio.NewScanner(stderr); url == "" && lines.Scan(); {
		if found := regexp.MustCompile(`msg=serving address=(\S+)`).FindStringSubmatch(lines.Text()); found != nil {
			url = fmt.Sprintf("http://%s/metrics", found[1])
		}
	}
	require.NotEmpty(t, url)
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return func() (e domain.Envelope) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		contracttest.Validate(t, body)
		require.NoError(t, json.Unmarshal(body, &e))
		return e
	}
}
