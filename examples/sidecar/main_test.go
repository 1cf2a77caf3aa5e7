package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
)

// answer is an envelope with one agent, at a time in milliseconds.
func answer(change func(*domain.Envelope), at, own, tree int64) domain.Envelope {
	e := domain.Envelope{
		SchemaVersion: 1, ClkTck: new(int64(100)), Clock: domain.Instant{BootID: new("boot")}, Instance: domain.Instance{ID: "one"},
		Sections: map[string]domain.SectionReport{"agents": {Status: domain.StatusOK}},
		Agents: []domain.Agent{{
			Agent: new("developer"), JobID: 21, PID: new(int64(4242)), CPUTicks: new(own),
			Process: &domain.Process{Status: domain.ProcessOK, StartTicks: new(int64(7)), TreeCPUTicks: new(tree), SampledBoottimeMS: new(at)},
		}},
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestWatcher(t *testing.T) {
	t.Parallel()
	const unknown = "agent=developer job=21 pid=4242 own=- tree=- does=- quiet=-"
	first := answer(nil, 1000, 100, 200)
	for name, tc := range map[string]struct {
		next domain.Envelope
		want []string
	}{
		"half a core, a core and a half": {answer(nil, 3000, 200, 500), []string{"agent=developer job=21 pid=4242 own=0.50 tree=1.50 does=works quiet=0s"}},
		"idle":                           {answer(nil, 3000, 100, 200), []string{"agent=developer job=21 pid=4242 own=0.00 tree=0.00 does=- quiet=2s"}},
		"a tree whose sum fell":          {answer(nil, 3000, 200, 100), []string{"agent=developer job=21 pid=4242 own=0.50 tree=- does=- quiet=0s"}},
		"the same sample":                {answer(nil, 1000, 100, 200), []string{"agent=developer job=21 pid=4242 own=- tree=- does=- quiet=0s"}},
		"the service was restarted": {
			answer(func(e *domain.Envelope) { e.Instance.ID = "two" }, 3000, 200, 500), []string{"the service was restarted", unknown},
		},
		"the pid was reused":  {answer(func(e *domain.Envelope) { e.Agents[0].Process.StartTicks = new(int64(8)) }, 3000, 200, 500), []string{unknown}},
		"another boot":        {answer(func(e *domain.Envelope) { e.Clock.BootID = new("next") }, 3000, 200, 500), []string{unknown}},
		"no boot that I know": {answer(func(e *domain.Envelope) { e.Clock.BootID = nil }, 3000, 200, 500), []string{unknown}},
		"no ticks":            {answer(func(e *domain.Envelope) { e.ClkTck = nil }, 3000, 200, 500), []string{"agent=developer job=21 pid=4242 own=- tree=- does=- quiet=0s"}},
		"ticks of nothing":    {answer(func(e *domain.Envelope) { e.ClkTck = new(int64(0)) }, 3000, 200, 500), []string{"agent=developer job=21 pid=4242 own=- tree=- does=- quiet=0s"}},
		"no process":          {answer(func(e *domain.Envelope) { e.Agents[0].Process = nil }, 3000, 200, 500), []string{unknown}},
		"a process that is gone": {
			answer(func(e *domain.Envelope) {
				e.Agents[0].Process, e.Agents[0].CPUTicks = &domain.Process{Status: "gone"}, nil
			}, 3000, 0, 0),
			[]string{"agent=developer job=21 pid=4242 own=- tree=- does=ended quiet=-"},
		},
		"before the spawn": {
			answer(func(e *domain.Envelope) { e.Agents[0] = domain.Agent{JobID: 22} }, 3000, 0, 0), []string{"agent=- job=22 pid=- own=- tree=- does=- quiet=-"},
		},
		"another host": {
			answer(func(e *domain.Envelope) {
				e.Agents[0].JobRef, e.Agents[0].Process, e.Agents[0].CPUTicks = new("job-7"), &domain.Process{Status: "remote"}, nil
			}, 3000, 0, 0),
			[]string{"agent=developer job=job-7 pid=4242 own=- tree=- does=elsewhere quiet=-"},
		},
		"nobody":           {answer(func(e *domain.Envelope) { e.Agents = nil }, 3000, 0, 0), nil},
		"no agents":        {answer(func(e *domain.Envelope) { e.Sections = nil }, 3000, 200, 500), []string{"the answer has no agents section"}},
		"agents failed":    {answer(func(e *domain.Envelope) { e.Sections["agents"] = domain.SectionReport{Status: "failed"} }, 3000, 0, 0), []string{"agents are unknown: failed"}},
		"switched off":     {domain.Envelope{SchemaVersion: 1, Disabled: true}, []string{"the service is switched off"}},
		"another contract": {domain.Envelope{SchemaVersion: 2}, []string{"schema version 2 is not 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var watch watcher
			assert.Equal(t, []string{unknown}, watch.see(first), "one answer says nothing of a rate")
			assert.Equal(t, tc.want, watch.see(tc.next))
		})
	}
}

// TestWatcher_Activity: what moved tells whether an agent works, waits or is stuck.
func TestWatcher_Activity(t *testing.T) {
	t.Parallel()
	process := func(at, runNS, slices, read int64) domain.Process {
		return domain.Process{
			Status: "ok", State: new("S"), StartTicks: new(int64(7)), SampledBoottimeMS: new(at), TreeCPUTicks: new(int64(9)), StartedAfterJobS: new(int64(1)),
			TreeRunNS: new(runNS), TreeTimeSlices: new(slices), TreeReadBytes: new(read), TreeWrittenBytes: new(int64(5)), TreeProcesses: new(int64(1)),
		}
	}
	changed := func(p domain.Process, change func(*domain.Process)) domain.Process {
		change(&p)
		return p
	}
	first := process(1000, 500, 10, 70)
	still := process(31_000, 500, 10, 70)
	for name, tc := range map[string]struct {
		then []domain.Process
		want string
	}{
		"a tenth of a core":                   {[]domain.Process{process(2000, 100_000_500, 20, 70)}, "does=works quiet=0s"},
		"ended children used it":              {[]domain.Process{changed(still, func(p *domain.Process) { p.TreeCPUTicks, p.TreeRunNS = new(int64(900)), new(int64(1)) })}, "does=works quiet=0s"},
		"it wakes up":                         {[]domain.Process{process(31_000, 900, 11, 70)}, "does=waits quiet=0s"},
		"it reads":                            {[]domain.Process{process(31_000, 500, 10, 71)}, "does=waits quiet=0s"},
		"a thread has ended":                  {[]domain.Process{process(31_000, 400, 5, 70)}, "does=waits quiet=0s"},
		"nothing happens":                     {[]domain.Process{still}, "does=nothing quiet=30s"},
		"nothing happens for long":            {[]domain.Process{still, process(61_500, 500, 10, 70)}, "does=stuck quiet=1m0s"},
		"something happened in between":       {[]domain.Process{process(31_000, 600, 11, 70), process(61_000, 600, 11, 70)}, "does=nothing quiet=30s"},
		"the service cannot see it":           {[]domain.Process{changed(still, func(p *domain.Process) { *p = domain.Process{Status: "hidden"} })}, "does=- quiet=-"},
		"a kernel that does not count":        {[]domain.Process{changed(still, func(p *domain.Process) { p.TreeTimeSlices, p.TreeRunNS = nil, nil })}, "does=- quiet=0s"},
		"it is stopped":                       {[]domain.Process{changed(still, func(p *domain.Process) { p.State = new("T") })}, "does=stopped quiet=30s"},
		"a zombie":                            {[]domain.Process{changed(still, func(p *domain.Process) { p.Status = "zombie" })}, "does=ended quiet=30s"},
		"a thread of the kernel":              {[]domain.Process{{Status: "foreign"}}, "does=stranger quiet=-"},
		"it started long after the job":       {[]domain.Process{changed(still, func(p *domain.Process) { p.StartedAfterJobS = new(int64(617)) })}, "does=stranger quiet=30s"},
		"it started long before the job":      {[]domain.Process{changed(still, func(p *domain.Process) { p.StartedAfterJobS = new(int64(-617)) })}, "does=stranger quiet=30s"},
		"when the job started is not known":   {[]domain.Process{changed(still, func(p *domain.Process) { p.StartedAfterJobS = nil })}, "does=nothing quiet=30s"},
		"a child that is somebody else's ran": {[]domain.Process{changed(still, func(p *domain.Process) { p.TreeProcesses = new(int64(2)) })}, "does=waits quiet=0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watch := watcher{stuckAfter: time.Minute}
			var lines []string
			for _, p := range append([]domain.Process{first}, tc.then...) {
				lines = watch.see(answer(func(e *domain.Envelope) { e.Agents[0].Process = &p }, 0, 100, 0))
			}
			assert.Len(t, lines, 1)
			assert.Contains(t, lines[0], tc.want)
		})
	}
}

// TestWatcher_Scenarios: what the example says at the end of each scenario of agents.
func TestWatcher_Scenarios(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"busy":             {"works", "works"},
		"agent-stuck":      {"stuck", "works"},
		"waiting-on-child": {"works"},
		"reading-slowly":   {"waits", "waits"},
		"node-threads":     {"waits", "stuck"},
		"on-a-timer":       {"waits"},
		"deadlocked":       {"stuck"},
		"blocked-read":     {"stuck"},
		"stopped":          {"stopped"},
		"zombie":           {"ended"},
		"pid-reused":       {"stranger"},
		"another-host":     {"works", "elsewhere"},
	} {
		recording, err := os.ReadFile("../../adapters/replay/scenarios/" + name + ".jsonl")
		require.NoError(t, err)
		watch := watcher{stuckAfter: 20 * time.Second}
		var lines []string
		for line := range bytes.Lines(recording) {
			var e domain.Envelope
			require.NoError(t, json.Unmarshal(line, &e))
			lines = watch.see(e)
		}
		var does []string
		for _, line := range lines {
			_, rest, _ := strings.Cut(line, " does=")
			said, _, _ := strings.Cut(rest, " ")
			does = append(does, said)
		}
		assert.Equal(t, want, does, "%s: %q", name, lines)
	}
}

// A gap does not lose what was known before it.
func TestWatcher_GoesOnAfterAGap(t *testing.T) {
	t.Parallel()
	var watch watcher
	watch.see(answer(nil, 1000, 100, 200))
	watch.see(answer(func(e *domain.Envelope) {
		e.Sections["agents"] = domain.SectionReport{Status: "timeout"}
		e.Agents = nil
	}, 2000, 0, 0))
	assert.Equal(t, []string{"agent=developer job=21 pid=4242 own=0.50 tree=0.50 does=works quiet=0s"}, watch.see(answer(nil, 3000, 200, 300)))
}

func TestPoll_ServiceAwayAndBack(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch n := asked.Add(1); n {
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			_, _ = w.Write([]byte(`<html>`))
		default:
			body, err := json.Marshal(answer(nil, 1000*n, 50*n, 100*n))
			assert.NoError(t, errors.Join(err, contracttest.Check(body)))
			_, _ = w.Write(body)
		}
	}))
	defer server.Close()
	var out bytes.Buffer
	poll(t.Context(), server.URL, time.Millisecond, 4, &watcher{}, &out)
	assert.Equal(t, "agent=developer job=21 pid=4242 own=- tree=- does=- quiet=-\n"+
		"no answer: the service answers 503 Service Unavailable\n"+
		"no answer: invalid character '<' looking for beginning of value\n"+
		"agent=developer job=21 pid=4242 own=0.50 tree=1.00 does=works quiet=0s\n", out.String())

	out.Reset()
	poll(t.Context(), "http://127.0.0.1:1/metrics", time.Millisecond, 2, &watcher{}, &out)
	assert.Regexp(t, `^(no answer: .*connection refused\n){2}$`, out.String())
	out.Reset()
	poll(t.Context(), "no address%", time.Millisecond, 1, &watcher{}, &out)
	assert.Contains(t, out.String(), "no answer: ")
}

func TestPoll_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var out bytes.Buffer
		poll(ctx, ":", 25*time.Minute, 0, &watcher{}, &out) // an address that needs no network
		assert.Equal(t, 3, bytes.Count(out.Bytes(), []byte("no answer")))
	})
}
