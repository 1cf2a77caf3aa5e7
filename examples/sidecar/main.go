// Command sidecar polls the service and prints what share of a core each agent
// uses, by itself and with the processes below it. It shows how a reader in Go
// goes about it with nothing but package domain:
//
//	go run ./examples/sidecar --url http://127.0.0.1:9099/metrics --every 5s
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:9099/metrics", "where the service answers")
	every := flag.Duration("every", 5*time.Second, "how long to wait between two polls")
	times := flag.Int("times", 0, "how often to poll; 0 is until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	poll(ctx, *url, max(*every, time.Millisecond), *times, os.Stdout)
}

// poll asks until the context ends. A service that is away is asked again.
func poll(ctx context.Context, url string, every time.Duration, times int, out io.Writer) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var watch watcher
	for n := 1; ; n++ {
		envelope, err := fetch(ctx, url)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			fmt.Fprintln(out, "no answer:", err)
		default:
			for _, line := range watch.see(envelope) {
				fmt.Fprintln(out, line)
			}
		}
		if n == times {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func fetch(ctx context.Context, url string) (envelope domain.Envelope, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return envelope, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return envelope, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end, or is of no use
	if response.StatusCode != http.StatusOK {
		return envelope, fmt.Errorf("the service answers %s", response.Status)
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 64<<20)).Decode(&envelope)
	return envelope, err
}

// identity is one process for good: pids are reused, and all counts begin anew
// with a boot.
type identity struct {
	boot       string
	pid, start int64
}

// watcher remembers each process as it was in the last answer that had it.
type watcher struct {
	instance string
	last     map[identity]domain.Agent
}

// see returns a line for each agent of an answer, or why there are none.
func (w *watcher) see(e domain.Envelope) []string {
	var lines []string
	report, asked := e.Sections[domain.KeyAgents]
	switch {
	case e.SchemaVersion != domain.SchemaVersion:
		return []string{fmt.Sprintf("schema version %d is not %d", e.SchemaVersion, domain.SchemaVersion)}
	case e.Disabled:
		return []string{"the service is switched off"}
	case !asked:
		return []string{"the answer has no agents section"}
	case report.Status != domain.StatusOK && report.Status != domain.StatusDegraded:
		return []string{fmt.Sprintf("agents are unknown: %s", report.Status)} // an empty list here says nothing
	case w.instance != "" && w.instance != e.Instance.ID:
		lines = append(lines, "the service was restarted")
		w.last = nil
	}
	now := map[identity]domain.Agent{}
	for _, agent := range e.Agents {
		own, tree := "-", "-"
		if who, known := identify(e, agent); known {
			own, tree = shares(w.last[who], agent, e.ClkTck)
			now[who] = agent
		}
		lines = append(lines, fmt.Sprintf("agent=%s job=%d pid=%s own=%s tree=%s", text(agent.Agent), agent.JobID, text(agent.PID), own, tree))
	}
	w.instance, w.last = e.Instance.ID, now
	return lines
}

func identify(e domain.Envelope, a domain.Agent) (who identity, known bool) {
	if a.PID == nil || a.Process == nil || a.Process.StartTicks == nil || e.Clock.BootID == nil {
		return identity{}, false
	}
	return identity{*e.Clock.BootID, *a.PID, *a.Process.StartTicks}, true
}

// shares are fractions of a core between two sights of a process.
func shares(before, after domain.Agent, clkTck *int64) (own, tree string) {
	if before.Process == nil || before.Process.SampledBoottimeMS == nil || after.Process.SampledBoottimeMS == nil || clkTck == nil {
		return "-", "-"
	}
	seconds := float64(*after.Process.SampledBoottimeMS-*before.Process.SampledBoottimeMS) / 1000
	share := func(was, is *int64) string {
		if was == nil || is == nil || *is < *was || seconds <= 0 || *clkTck <= 0 { // a tree's sum can fall
			return "-"
		}
		return fmt.Sprintf("%.2f", float64(*is-*was)/float64(*clkTck)/seconds)
	}
	return share(before.CPUTicks, after.CPUTicks), share(before.Process.TreeCPUTicks, after.Process.TreeCPUTicks)
}

func text[T any](value *T) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}
