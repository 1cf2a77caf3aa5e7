package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Miniature is another orchestrator in miniature: its tables, its states, and real
// processes for what runs, if it keeps their pids. It works on three tasks at a time.
type Miniature struct {
	script  *script
	dir     string // of its files, in SQLite
	store   *store // nil until opened
	spawner *spawner
	rng     *rand.Rand
	every   time.Duration
	log     *slog.Logger
	host    string

	waiting []*errand
	working []*errand
	tasks   int // so far
	runs    int64
	round   int

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// errand is a task of a miniature.
type errand struct {
	number int
	agent  string
	with   assignment
	run    int64
	works  *agent // nil unless pids are kept, and before it is started
	since  int    // the round in which it was started
}

const (
	miniatureHistory = 40 // tasks that have ended when it begins
	miniatureWaiting = 4  // tasks that wait, at least
	workFor          = 8  // rounds, at least
)

// StartMiniature starts the miniature of the orchestrator that a profile reads. Stop must
// be called if it does not fail.
func StartMiniature(ctx context.Context, profile string, opts Options) (*Miniature, error) {
	if _, marked := os.LookupEnv(agentVariable); marked {
		return nil, ErrStartedAsAgent
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	engine := SQLite
	if opts.Postgres != "" {
		engine = Postgres
	}
	s, err := readScript(profile, engine)
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	m := &Miniature{
		script: s, spawner: newSpawner(opts.Executable), rng: rand.New(rand.NewPCG(opts.Seed, 3)),
		every: opts.Tick, log: opts.Logger,
	}
	m.host, _ = os.Hostname()
	ctx, m.cancel = context.WithCancel(ctx)
	if err := m.begin(ctx, opts.Postgres); err != nil {
		return nil, errors.Join(fmt.Errorf("start demo: %w", err), m.Stop())
	}
	m.running.Go(func() { repeat(ctx, m.every, m.log, m.oneRound) })
	return m, nil
}

// DB is the path of its first database, or its URL.
func (m *Miniature) DB() string { return m.store.location }

// begin makes the tables, a past, and what goes on now.
func (m *Miniature) begin(ctx context.Context, server string) error {
	if err := m.open(ctx, server); err != nil {
		return err
	}
	if err := inTx(ctx, m.store.db, func(tx *sql.Tx) error { return m.remember(ctx, tx) }); err != nil {
		return err
	}
	return m.oneRound(ctx)
}

// open makes the tables, on a server or in files of their own.
func (m *Miniature) open(ctx context.Context, server string) (err error) {
	if server != "" {
		m.store, err = openPostgres(ctx, server, m.script.schema)
		return err
	}
	if m.dir, err = os.MkdirTemp("", "orch-demo-"); err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	m.store, err = openStore(ctx, filepath.Join(m.dir, m.script.file), m.script.attach(m.dir)+m.script.schema)
	return err
}

// remember makes up tasks that have ended.
func (m *Miniature) remember(ctx context.Context, tx *sql.Tx) error {
	for i := range miniatureHistory {
		at := time.Now().Add(-time.Duration(miniatureHistory-i) * time.Hour)
		e := m.newErrand()
		for _, event := range []string{eventAdd, eventStart, eventDone} {
			if err := m.note(ctx, tx, event, e, at); err != nil {
				return err
			}
			at = at.Add(time.Duration(between(m.rng, 1, 15)) * time.Minute)
		}
	}
	return nil
}

func (m *Miniature) newErrand() *errand {
	m.tasks++
	m.runs++
	role := pick(m.rng, "developer", "reviewer", "tester")
	return &errand{number: m.tasks, run: m.runs, agent: role, with: assign(m.rng, role)}
}

// noteNow writes down what happens to a task.
func (m *Miniature) noteNow(ctx context.Context, event string, e *errand) error {
	return inTx(ctx, m.store.db, func(tx *sql.Tx) error { return m.note(ctx, tx, event, e, time.Now()) })
}

// note writes down what happened to a task.
func (m *Miniature) note(ctx context.Context, tx *sql.Tx, event string, e *errand, at time.Time) error {
	used := spend(m.rng, e.with.model)
	pid := any(nil)
	if e.works != nil {
		pid = e.works.pid()
	}
	moment := map[string]any{
		"task": fmt.Sprintf("t_%08x", e.number), "number_of_task": e.number,
		"task_uuid": fmt.Sprintf("%08x-0000-4000-8000-000000000000", e.number),
		"run":       fmt.Sprintf("run-%06d", e.run), "number": e.run, "agent": e.agent, "model": e.with.model,
		"now": at.Unix(), "iso": at.UTC().Format("2006-01-02T15:04:05.000Z"),
		"pid": pid, "self": os.Getpid(), "host": m.host,
		"cost": used.costUSD, "input": used.input, "output": used.output, "cache_read": used.cacheRead, "cache_write": used.cacheCreation,
	}
	if _, err := tx.ExecContext(ctx, m.script.events[event], m.store.named(moment)...); err != nil {
		return fmt.Errorf("write %s: %w", event, err)
	}
	return nil
}

// oneRound ends what has worked long enough, plans new tasks, and starts one of each
// kind of agent.
func (m *Miniature) oneRound(ctx context.Context) error {
	m.round++
	if len(m.working) == len(steadyKinds()) && m.round-m.working[0].since >= workFor {
		if err := m.finish(ctx, m.working[0]); err != nil {
			return err
		}
		m.working = m.working[1:]
	}
	for len(m.waiting) < miniatureWaiting {
		e := m.newErrand()
		if err := m.noteNow(ctx, eventAdd, e); err != nil {
			return err
		}
		m.waiting = append(m.waiting, e)
	}
	for len(m.working) < len(steadyKinds()) {
		if err := m.startNext(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startNext starts the agent of the first task that waits.
func (m *Miniature) startNext(ctx context.Context) (err error) {
	e := m.waiting[0]
	if m.script.pids {
		if e.works, err = m.spawner.spawn(steadyKinds()[int(e.run)%len(steadyKinds())], 0); err != nil {
			return err
		}
	}
	m.waiting, m.working, e.since = m.waiting[1:], append(m.working, e), m.round
	return m.noteNow(ctx, eventStart, e)
}

// finish ends an agent. Not all have done well; most of those are tried again.
func (m *Miniature) finish(ctx context.Context, e *errand) error {
	endAll(e.works)
	event := eventDone
	if chance(m.rng, 25) {
		event = eventFailed
	}
	if err := m.noteNow(ctx, event, e); err != nil {
		return err
	}
	if event == eventFailed && !m.script.final {
		m.runs++
		m.waiting = append(m.waiting, &errand{number: e.number, run: m.runs, agent: e.agent, with: e.with})
	}
	return nil
}

// Stop ends the agents and removes the tables.
func (m *Miniature) Stop() error {
	m.cancel()
	m.running.Wait()
	var agents []*agent
	for _, e := range m.working {
		agents = append(agents, e.works)
	}
	endAll(agents...)
	m.spawner.close()
	var err error
	if m.store != nil {
		err = m.store.close(context.Background()) // its own has ended
	}
	if err := errors.Join(err, os.RemoveAll(m.dir)); err != nil {
		return fmt.Errorf("stop demo: %w", err)
	}
	return nil
}
