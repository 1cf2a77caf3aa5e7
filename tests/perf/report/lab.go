package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// lab is where the measures are taken: the service's program, agents, and worlds
// that several measures share.
type lab struct {
	plan      plan
	say       func(string)
	histories perf.Histories
	dir       string
	program   string
	agents    perf.Agents

	mu      sync.Mutex // of what close needs
	closers []func() error

	worlds map[string]*perf.World

	counting   sync.Mutex // of the answers
	answers    int64
	incomplete map[string]int64 // by code
}

func newLab(p plan, histories perf.Histories, say func(string)) *lab {
	return &lab{
		plan: p, say: say, histories: histories,
		worlds: map[string]*perf.World{}, incomplete: map[string]int64{},
	}
}

// open makes what every measure needs. What there is of it closes with the lab.
func (l *lab) open() (err error) {
	if err := os.MkdirAll(l.histories.Dir, 0o755); err != nil {
		return err
	}
	if l.dir, err = os.MkdirTemp(l.histories.Dir, "run-"); err != nil {
		return err
	}
	l.atEnd(func() error { return os.RemoveAll(l.dir) })
	if l.program, err = l.plan.Build(l.dir); err != nil {
		return fmt.Errorf("build the service: %w", err)
	}
	if l.agents, err = perf.StartAgents(); err != nil {
		return err
	}
	l.atEnd(l.agents.Close)
	return nil
}

// atEnd keeps what is to be done when the lab closes, the last first.
func (l *lab) atEnd(do func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, do)
}

func (l *lab) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for len(l.closers) > 0 {
		last := len(l.closers) - 1
		errs = append(errs, l.closers[last]())
		l.closers = l.closers[:last]
	}
	return errors.Join(errs...)
}

// failed is what a measure panics with: a measure is a story in which any line
// can fail, and there is nothing to do about it but to stop.
type failed struct{ err error }

func must(err error) {
	if err != nil {
		panic(failed{err})
	}
}

func get[T any](value T, err error) T {
	must(err)
	return value
}

// measure takes all measures, and returns the rows of the table.
func (l *lab) measure() (rows []row, err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case failed:
			err = cause.err
		default:
			panic(cause)
		}
	}()
	for _, measure := range []struct {
		what string
		take func() []row
	}{
		{"latency, changing", l.latency},
		{"the naive version", l.naively},
		{"latency, seldom polled", l.seldom},
		{"throughput", l.throughput},
		{"allocations", l.allocations},
		{"concurrent pollers", l.pollers},
		{"a rollback journal", l.journal},
		{"a backlog", l.backlog},
		{"processor time", l.cpu},
		{"memory", l.memory},
		{"a profile", l.profile},
		{"a writer beside polls", l.writer},
		{"start", l.start},
		{"PostgreSQL", l.postgres},
	} {
		if !strings.Contains(measure.what, l.plan.Only) {
			continue
		}
		l.say(measure.what)
		l.rest()
		rows = append(rows, measure.take()...)
	}
	l.say("done")
	return append(rows, l.completeness()), nil
}

// completeness tells what all the figures are worth.
func (l *lab) completeness() row {
	var incomplete int64
	detail := "of " + perf.Words(l.answers) + " answers"
	for _, code := range slices.Sorted(maps.Keys(l.incomplete)) {
		incomplete += l.incomplete[code]
		detail += fmt.Sprintf(", %s with %s", perf.Words(l.incomplete[code]), code)
	}
	return row{"incomplete answers in all of the above", "0", perf.Words(incomplete), verdictOf(incomplete == 0), detail}
}

// world returns the world of a size. Its orchestrator rests at the beginning of
// each measure.
func (l *lab) world(size perf.Size, stageIndex bool) *perf.World {
	key := fmt.Sprint(size, stageIndex)
	w, known := l.worlds[key]
	if !known {
		l.say(fmt.Sprintf("  a database of %s rows", perf.Words(size.Rows)))
		w = get(perf.NewWorld(l.histories, l.dir, size, stageIndex, l.agents))
		l.atEnd(w.Close)
		l.worlds[key] = w
	}
	return w
}

// rest stops all orchestrators.
func (l *lab) rest() {
	for _, w := range l.worlds {
		get(w.Pace(0))
	}
}
