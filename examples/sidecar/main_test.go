package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/contract/contracttest"
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
	const unknown = "agent=developer job=21 pid=4242 own=- tree=-"
	first := answer(nil, 1000, 100, 200)
	for name, tc := range map[string]struct {
		next domain.Envelope
		want []string
	}{
		"half a core, a core and a half": {answer(nil, 3000, 200, 500), []string{"agent=developer job=21 pid=4242 own=0.50 tree=1.50"}},
		"idle":                           {answer(nil, 3000, 100, 200), []string{"agent=developer job=21 pid=4242 own=0.00 tree=0.00"}},
		"a tree whose sum fell":          {answer(nil, 3000, 200, 100), []string{"agent=developer job=21 pid=4242 own=0.50 tree=-"}},
		"the same sample":                {answer(nil, 1000, 100, 200), []string{unknown}},
		"the service was restarted": {
			answer(func(e *domain.Envelope) { e.Instance.ID = "two" }, 3000, 200, 500), []string{"the service was restarted", unknown},
		},
		"the pid was reused":  {answer(func(e *domain.Envelope) { e.Agents[0].Process.StartTicks = new(int64(8)) }, 3000, 200, 500), []string{unknown}},
		"another boot":        {answer(func(e *domain.Envelope) { e.Clock.BootID = new("next") }, 3000, 200, 500), []string{unknown}},
		"no boot that I know": {answer(func(e *domain.Envelope) { e.Clock.BootID = nil }, 3000, 200, 500), []string{unknown}},
		"no ticks":            {answer(func(e *domain.Envelope) { e.ClkTck = nil }, 3000, 200, 500), []string{unknown}},
		"ticks of nothing":    {answer(func(e *domain.Envelope) { e.ClkTck = new(int64(0)) }, 3000, 200, 500), []string{unknown}},
		"no process":          {answer(func(e *domain.Envelope) { e.Agents[0].Process = nil }, 3000, 200, 500), []string{unknown}},
		"a process that is gone": {
			answer(func(e *domain.Envelope) {
				e.Agents[0].Process, e.Agents[0].CPUTicks = &domain.Process{Status: "gone"}, nil
			}, 3000, 0, 0),
			[]string{unknown},
		},
		"before the spawn": {
			answer(func(e *domain.Envelope) { e.Agents[0] = domain.Agent{JobID: 22} }, 3000, 0, 0), []string{"agent=- job=22 pid=- own=- tree=-"},
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

// A gap does not lose what was known before it.
func TestWatcher_GoesOnAfterAGap(t *testing.T) {
	t.Parallel()
	var watch watcher
	watch.see(answer(nil, 1000, 100, 200))
	watch.see(answer(func(e *domain.Envelope) {
		e.Sections["agents"] = domain.SectionReport{Status: "timeout"}
		e.Agents = nil
	}, 2000, 0, 0))
	assert.Equal(t, []string{"agent=developer job=21 pid=4242 own=0.50 tree=0.50"}, watch.see(answer(nil, 3000, 200, 300)))
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
	poll(t.Context(), server.URL, time.Millisecond, 4, &out)
	assert.Equal(t, "agent=developer job=21 pid=4242 own=- tree=-\n"+
		"no answer: the service answers 503 Service Unavailable\n"+
		"no answer: invalid character '<' looking for beginning of value\n"+
		"agent=developer job=21 pid=4242 own=0.50 tree=1.00\n", out.String())

	out.Reset()
	poll(t.Context(), "http://127.0.0.1:1/metrics", time.Millisecond, 2, &out)
	assert.Regexp(t, `^(no answer: .*connection refused\n){2}$`, out.String())
	out.Reset()
	poll(t.Context(), "no address%", time.Millisecond, 1, &out)
	assert.Contains(t, out.String(), "no answer: ")
}

func TestPoll_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var out bytes.Buffer
		poll(ctx, ":", 25*time.Minute, 0, &out) // an address that needs no network
		assert.Equal(t, 3, bytes.Count(out.Bytes(), []byte("no answer")))
	})
}
