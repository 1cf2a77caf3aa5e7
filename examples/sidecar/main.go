// Command sidecar polls the service and prints what share of a core each agent
// uses, by itself and with the processes below it, and whether it works, waits or is
// stuck. It shows how a reader in Go goes about it with nothing but package domain:
//
//	go run ./examples/sidecar --url http://127.0.0.1:9099/metrics --every 5s
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:9099/metrics", "where the service answers")
	every := flag.Duration("every", 5*time.Second, "how long to wait between two polls")
	stuckAfter := flag.Duration("stuck-after", 5*time.Minute, "how long nothing may happen in an agent: longer than your model is silent")
	times := flag.Int("times", 0, "how often to poll; 0 is until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	poll(ctx, *url, max(*every, time.Millisecond), *times, &watcher{stuckAfter: *stuckAfter}, os.Stdout)
}

// poll asks until the context ends. A service that is away is asked again.
func poll(ctx context.Context, url string, every time.Duration, times int, watch *watcher, out io.Writer) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
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
	stuckAfter time.Duration
	instance   string
	last       map[identity]sight
}

// sight is an agent as it was in one answer.
type sight struct {
	domain.Agent

	movedMS int64 // when something last happened in it, on the clock of sampled_boottime_ms
}

func (s sight) quiet() time.Duration {
	return time.Duration(*s.Process.SampledBoottimeMS-s.movedMS) * time.Millisecond
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
	now := map[identity]sight{}
	for _, agent := range e.Agents {
		own, tree, does, quiet := "-", "-", condition(agent), "-"
		if who, known := identify(e, agent); known {
			before, seen := w.last[who]
			now[who] = sight{agent, *agent.Process.SampledBoottimeMS}
			if seen {
				if !moved(before.Agent, agent) {
					now[who] = sight{agent, before.movedMS}
				}
				own, tree = shares(before, now[who], e.ClkTck)
				quiet = now[who].quiet().Truncate(time.Second).String()
				does = cmp.Or(does, w.activity(before, now[who], e.ClkTck))
			}
		}
		lines = append(lines, fmt.Sprintf("agent=%s job=%s pid=%s own=%s tree=%s does=%s quiet=%s",
			text(agent.Agent), job(agent), text(agent.PID), own, tree, cmp.Or(does, "-"), quiet))
	}
	w.instance, w.last = e.Instance.ID, now
	return lines
}

// job is the id of a job as the orchestrator has it: a text, or else a number.
func job(a domain.Agent) string {
	if a.JobRef != nil {
		return *a.JobRef
	}
	return strconv.FormatInt(a.JobID, 10)
}

func identify(e domain.Envelope, a domain.Agent) (who identity, known bool) {
	if a.PID == nil || a.Process == nil || a.Process.StartTicks == nil || a.Process.SampledBoottimeMS == nil || e.Clock.BootID == nil {
		return identity{}, false
	}
	return identity{*e.Clock.BootID, *a.PID, *a.Process.StartTicks}, true
}

// apart is how many seconds there may be between the start of a job and of its process.
const apart = 60

// condition is what one answer alone says of an agent; "" if it takes two.
func condition(a domain.Agent) string {
	switch p := a.Process; {
	case p == nil, p.Status == domain.ProcessHidden, p.Status == domain.ProcessUnsupported:
		return "-"
	case p.Status == domain.ProcessGone, p.Status == domain.ProcessZombie:
		return "ended"
	case p.Status == domain.ProcessRemote:
		return "elsewhere" // the service of its host knows more
	case p.Status != domain.ProcessOK, p.StartedAfterJobS != nil && max(*p.StartedAfterJobS, -*p.StartedAfterJobS) > apart:
		return "stranger"
	case p.State != nil && (*p.State == "T" || *p.State == "t"):
		return "stopped"
	default:
		return ""
	}
}

// busy is the share of a core from which on a tree works, and does not just wake up.
const busy = 0.05

// activity is what a process does, by what moved since it was last seen.
func (w *watcher) activity(before, now sight, clkTck *int64) string {
	was, is := before.Process, now.Process
	switch {
	case rate(was.TreeRunNS, is.TreeRunNS, before, now) >= busy*1e9,
		clkTck != nil && *clkTck > 0 && rate(was.TreeCPUTicks, is.TreeCPUTicks, before, now) >= busy*float64(*clkTck): // of ended children, too
		return "works"
	case was.TreeTimeSlices == nil || is.TreeTimeSlices == nil:
		return "-" // ticks cannot tell who waits from who is stuck
	case now.quiet() == 0:
		return "waits"
	case now.quiet() < w.stuckAfter:
		return "nothing"
	default:
		return "stuck"
	}
}

// moved tells whether anything happened between two sights of a process. A sum that
// fell is a thread or process that ended, and one that is not there may be anything.
func moved(before, after domain.Agent) bool {
	counters := func(a domain.Agent) string {
		p := a.Process
		return fmt.Sprint(text(p.TreeCPUTicks), text(p.TreeRunNS), text(p.TreeTimeSlices),
			text(p.TreeReadBytes), text(p.TreeWrittenBytes), text(p.TreeProcesses))
	}
	return counters(before) != counters(after)
}

// rate is what a counter grew by in a second between two sights of a process; -1 if
// that is unknown.
func rate(was, is *int64, before, after sight) float64 {
	seconds := float64(*after.Process.SampledBoottimeMS-*before.Process.SampledBoottimeMS) / 1000
	if was == nil || is == nil || *is < *was || seconds <= 0 { // a tree's sum can fall
		return -1
	}
	return float64(*is-*was) / seconds
}

// shares are fractions of a core between two sights of a process.
func shares(before, after sight, clkTck *int64) (own, tree string) {
	share := func(was, is *int64) string {
		ticks := rate(was, is, before, after)
		if ticks < 0 || clkTck == nil || *clkTck <= 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", ticks/float64(*clkTck))
	}
	return share(before.CPUTicks, after.CPUTicks), share(before.Process.TreeCPUTicks, after.Process.TreeCPUTicks)
}

func text[T any](value *T) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}
