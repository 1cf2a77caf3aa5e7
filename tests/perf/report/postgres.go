package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// postgres takes the measures over a real server, side by side with the naive version
// and with SQLite. Without a server there is none.
func (l *lab) postgres() []row {
	server, stop, err := postgrestest.Start("max_connections = 150", "shared_buffers = 256MB")
	if errors.Is(err, postgrestest.ErrAbsent) {
		return []row{{what: "PostgreSQL", measured: "not measured", detail: err.Error()}}
	}
	must(err)
	l.atEnd(func() error { stop(); return nil })
	worlds := map[int64]*perf.PostgresWorld{}
	for _, rows := range []int64{l.plan.Small, l.plan.Rows} {
		l.say(fmt.Sprintf("  a PostgreSQL database of %s rows", perf.Words(rows)))
		worlds[rows] = get(perf.NewPostgresWorld(server, perf.Of(rows), l.agents, commits))
		l.atEnd(worlds[rows].Close)
	}
	few, many := worlds[l.plan.Small], worlds[l.plan.Rows]
	rows := l.postgresLatency(few, many)
	rows = append(rows, l.postgresCPU(server, many))
	return append(rows, l.manyHosts(server, many)...)
}

// over starts the service over a database of a server.
func (l *lab) over(w *perf.PostgresWorld, settings ...string) *target {
	return l.target(perf.StartService(l.program, w.URL("metrics"), settings...))
}

func (l *lab) postgresLatency(few, many *perf.PostgresWorld) []row {
	sqlite := l.service(l.changing(l.plan.Rows, true)) // first: to make it takes longer than a connection waits
	targets := []*target{l.over(few), l.over(many), l.target(perf.StartNaive(many.URL("orchestrator"))), sqlite}
	targets[0].complete()
	targets[1].complete()
	targets[2].poll()
	// The naive version takes so long that what is polled in turn with it is polled seldom.
	fast, slow := make(samples, 3), make(samples, 2)
	for range l.plan.Rounds {
		fast.take([]*target{targets[0], targets[1], targets[3]}, often, l.plan.Window)
		slow.take(targets[1:3], often, l.plan.Window)
	}
	l.rest()
	for _, t := range targets {
		t.stop()
	}
	words := perf.Words(l.plan.Rows)
	reported := func(what string, of, than []time.Duration) row {
		return row{what, "reported", digits(ratio(median(of), median(than))) + "×", told, fmt.Sprintf("%s against %s", spread(of), spread(than))}
	}
	return []row{
		atMost(fmt.Sprintf("PostgreSQL: latency, %s rows, changing, against %s", words, perf.Words(l.plan.Small)), 1.5,
			ratio(median(fast[1]), median(fast[0])), "×", fmt.Sprintf("%s against %s", spread(fast[1]), spread(fast[0]))),
		reported(fmt.Sprintf("PostgreSQL: the naive version, %s rows, changing, against the service", words), slow[1], slow[0]),
		reported("the same: the service over SQLite against it over PostgreSQL", fast[2], fast[1]),
	}
}

// postgresCPU watches what one poll a second costs the server.
func (l *lab) postgresCPU(server *postgrestest.Server, w *perf.PostgresWorld) row {
	service := l.over(w)
	service.complete()
	load := l.watch(server, l.plan.CPU, func() {
		service.poll()
		time.Sleep(l.plan.Pause)
	})
	service.stop()
	return atMost(fmt.Sprintf("PostgreSQL: load on the server at one poll a second, %s rows, changing", perf.Words(l.plan.Rows)), 2,
		load.percent, " % of a core", load.detail)
}

// manyHosts is one whole instance, and one on each of many hosts that shows agents alone.
func (l *lab) manyHosts(server *postgrestest.Server, w *perf.PostgresWorld) []row {
	instances := []*target{l.over(w)}
	instances[0].complete()
	for i := range l.plan.Hosts - 1 {
		t := l.over(w, fmt.Sprintf("ORCH_HOST=host-%d", i), "ORCH_SECTIONS_DISABLED=stages,queue,cost")
		t.poll()
		instances = append(instances, t)
	}
	between, next := 15*l.plan.Pause/time.Duration(len(instances)), 0
	load := l.watch(server, max(l.plan.CPU, 30*l.plan.Pause), func() { // one after the other, each in 15 s
		instances[next].poll()
		next = (next + 1) % len(instances)
		time.Sleep(between)
	})
	for _, t := range instances {
		t.stop()
	}
	what := fmt.Sprintf("PostgreSQL: %d instances, one of them whole, one poll in 15 s each, %s rows, changing", len(instances), perf.Words(l.plan.Rows))
	return []row{
		atMost(what+": load on the server", 5, load.percent, " % of a core", load.detail),
		atMost("the same: connections", 100, float64(load.connections), "", "at the end, each waiting for the next poll"),
	}
}

// serverLoad is what the processes that serve the service use.
type serverLoad struct {
	percent     float64
	connections int
	detail      string
}

// watch repeats polls for a while.
func (l *lab) watch(server *postgrestest.Server, long time.Duration, poll func()) serverLoad {
	before, _, err := perf.ServerLoad(server, "metrics")
	must(err)
	began, polls := time.Now(), 0
	for ; time.Since(began) < long; polls++ {
		poll()
	}
	after, connections, err := perf.ServerLoad(server, "metrics")
	must(err)
	used, took := after-before, time.Since(began)
	return serverLoad{100 * used.Seconds() / took.Seconds(), connections, fmt.Sprintf("%s in %.0f s, %d polls", ms(used), took.Seconds(), polls)}
}
