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
// processes for what runs. It works on three tasks at a time.
type Miniature struct {
	script  *script
	dir     string
	db      *sql.DB
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
	works  *agent
	since  int // the round in which it was started
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
	s, err := readScript(profile)
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	dir, err := os.MkdirTemp("", "orch-demo-")
	if err != nil {
		return nil, fmt.Errorf("make temporary directory: %w", err)
	}
	m := &Miniature{
		script: s, dir: dir, spawner: newSpawner(opts.Executable), rng: rand.New(rand.NewPCG(opts.Seed, 3)),
		every: opts.Tick, log: opts.Logger,
	}
	m.host, _ = os.Hostname()
	ctx, m.cancel = context.WithCancel(ctx)
	if err := m.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start demo: %w", err), m.Stop())
	}
	m.running.Go(func() { repeat(ctx, m.every, m.log, m.oneRound) })
	return m, nil
}

// DB is the path of its first database.
func (m *Miniature) DB() string { return filepath.Join(m.dir, m.script.file) }

// begin makes the databases, a past, and what goes on now.
func (m *Miniature) begin(ctx context.Context) (err error) {
	if m.db, err = sql.Open("sqlite3", dsn(m.DB())); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	m.db.SetMaxOpenConns(1)
	for name, file := range m.script.attached {
		path := filepath.Join(m.dir, file)
		if _, err := m.db.ExecContext(ctx, "ATTACH DATABASE ? AS "+name, "file:"+path); err != nil {
			return fmt.Errorf("attach database: %w", err)
		}
		if _, err := m.db.ExecContext(ctx, "PRAGMA "+name+".journal_mode = WAL"); err != nil {
			return fmt.Errorf("attach database: %w", err)
		}
	}
	if _, err := m.db.ExecContext(ctx, m.script.schema); err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	for i := range miniatureHistory {
		at := time.Now().Add(-time.Duration(miniatureHistory-i) * time.Hour)
		e := m.newErrand()
		for _, event := range []string{eventAdd, eventStart, eventDone} {
			if err := m.note(ctx, event, e, at); err != nil {
				return err
			}
			at = at.Add(time.Duration(between(m.rng, 1, 15)) * time.Minute)
		}
	}
	return m.oneRound(ctx)
}

func (m *Miniature) newErrand() *errand {
	m.tasks++
	m.runs++
	role := pick(m.rng, "developer", "reviewer", "tester")
	return &errand{number: m.tasks, run: m.runs, agent: role, with: assign(m.rng, role)}
}

// note writes down what happens to a task.
func (m *Miniature) note(ctx context.Context, event string, e *errand, at time.Time) error {
	used := spend(m.rng, e.with.model)
	pid := any(nil)
	if e.works != nil {
		pid = e.works.pid()
	}
	moment := []any{
		sql.Named("task", fmt.Sprintf("t_%08x", e.number)), sql.Named("number_of_task", e.number),
		sql.Named("run", fmt.Sprintf("run-%06d", e.run)), sql.Named("number", e.run),
		sql.Named("agent", e.agent), sql.Named("model", e.with.model),
		sql.Named("now", at.Unix()), sql.Named("iso", at.UTC().Format("2006-01-02T15:04:05.000Z")),
		sql.Named("pid", pid), sql.Named("self", os.Getpid()), sql.Named("host", m.host),
		sql.Named("cost", used.costUSD), sql.Named("input", used.input), sql.Named("output", used.output),
		sql.Named("cache_read", used.cacheRead), sql.Named("cache_write", used.cacheCreation),
	}
	err := inTx(ctx, m.db, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, m.script.events[event], moment...)
		return err
	})
	if err != nil {
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
		if err := m.note(ctx, eventAdd, e, time.Now()); err != nil {
			return err
		}
		m.waiting = append(m.waiting, e)
	}
	for len(m.working) < len(steadyKinds()) {
		e := m.waiting[0]
		var err error
		if e.works, err = m.spawner.spawn(steadyKinds()[int(e.run)%len(steadyKinds())], 0); err != nil {
			return err
		}
		m.waiting, m.working, e.since = m.waiting[1:], append(m.working, e), m.round
		if err := m.note(ctx, eventStart, e, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// finish ends an agent. Not all have done well; most of those are tried again.
func (m *Miniature) finish(ctx context.Context, e *errand) error {
	e.works.end()
	event := eventDone
	if chance(m.rng, 25) {
		event = eventFailed
	}
	err := m.note(ctx, event, e, time.Now())
	if event == eventFailed && !m.script.final {
		m.runs++
		m.waiting = append(m.waiting, &errand{number: e.number, run: m.runs, agent: e.agent, with: e.with})
	}
	return err
}

// Stop ends the agents, closes the databases and removes them.
func (m *Miniature) Stop() error {
	m.cancel()
	m.running.Wait()
	for _, e := range m.working {
		e.works.release()
	}
	for _, e := range m.working {
		e.works.end()
	}
	m.spawner.close()
	var err error
	if m.db != nil {
		err = m.db.Close()
	}
	if err := errors.Join(err, os.RemoveAll(m.dir)); err != nil {
		return fmt.Errorf("stop demo: %w", err)
	}
	return nil
}
