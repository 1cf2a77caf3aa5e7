package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// ErrStartedAsAgent is what Start returns in a process that was itself started
// as an agent: its main did not call RunAgent, and each agent would start a demo
// of its own, with agents of its own.
var ErrStartedAsAgent = errors.New("this process was started as a demo agent: main must call demo.RunAgent first")

var errNegativeTick = errors.New("negative tick")

// Options are all optional.
type Options struct {
	// Dir is where the files go: made if its parent is there, and kept on Stop.
	// It must not hold files of an orchestrator. Empty means a new temporary
	// directory, which is removed on Stop.
	Dir string
	// Tick is the pace of everything: a second if zero.
	Tick time.Duration
	// Seed decides what the history holds.
	Seed uint64
	// Executable is what the agents run, a program that calls RunAgent: this one
	// if empty.
	Executable string
	// Postgres is the URL of a database in which the tables are made, in a schema of
	// their own that goes on Stop; empty is an SQLite database in Dir.
	Postgres string
	// Logger gets what goes wrong on the way; nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Tick < 0 {
		return o, fmt.Errorf("%w: %s", errNegativeTick, o.Tick)
	}
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Executable != "" {
		return o, nil
	}
	self, err := os.Executable()
	if err != nil {
		return o, fmt.Errorf("find executable: %w", err)
	}
	o.Executable = self
	return o, nil
}

// Orchestrator is a running demo.
type Orchestrator struct {
	files   files
	store   *store // nil until opened
	spawner *spawner
	writer  *writer // nil until begun
	cancel  context.CancelFunc
	running sync.WaitGroup
	stop    func() error
}

// Start makes the database with its history, starts the agents, and then the
// writer, which goes on until the context ends or Stop is called. When it
// returns there is an agent of each kind. If it fails, everything is undone.
// Stop must be called in any case: the end of the context ends the writer only.
func Start(ctx context.Context, opts Options) (*Orchestrator, error) {
	if _, marked := os.LookupEnv(agentVariable); marked {
		return nil, ErrStartedAsAgent
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	f, err := makeFiles(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	o := &Orchestrator{files: f, spawner: newSpawner(opts.Executable), cancel: cancel}
	o.stop = sync.OnceValue(o.shutDown)
	if err := o.begin(ctx, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("start demo: %w", err), o.stop(), f.undo())
	}
	return o, nil
}

func (o *Orchestrator) begin(ctx context.Context, opts Options) (err error) {
	if opts.Postgres != "" {
		o.store, err = openPostgres(ctx, opts.Postgres, toPostgres(schema))
	} else {
		o.store, err = openStore(ctx, o.files.db(), schema)
	}
	if err != nil {
		return err
	}
	past := makeHistory(rand.New(rand.NewPCG(opts.Seed, 1)), time.Now())
	if err := past.write(ctx, o.store.db); err != nil {
		return err
	}
	if opts.Postgres != "" {
		if err := countOn(ctx, o.store.db); err != nil {
			return err
		}
	}
	o.writer = &writer{
		ledger:    &ledger{db: o.store.db, rng: rand.New(rand.NewPCG(opts.Seed, 2)), items: past.items},
		spawner:   o.spawner,
		breaker:   newBreaker(),
		stateFile: o.files.workerState(),
		every:     opts.Tick,
		log:       opts.Logger,
	}
	for range 2 { // the first round claims the jobs, the second spawns their agents
		if err := o.writer.round(ctx); err != nil {
			return err
		}
	}
	o.running.Go(func() { o.writer.run(ctx) })
	return nil
}

// DB is the path of the database, or its URL.
func (o *Orchestrator) DB() string { return o.store.location }

// WorkerStateFile is the path of the worker's state.
func (o *Orchestrator) WorkerStateFile() string { return o.files.workerState() }

// Stop ends the writer and the agents and waits for them, closes the database
// and removes the temporary directory. Any call but the first returns what the
// first did.
func (o *Orchestrator) Stop() error {
	return o.stop()
}

func (o *Orchestrator) shutDown() error {
	o.cancel()
	o.running.Wait()
	if o.writer != nil {
		endAll(o.writer.roster.agents()...)
	}
	o.spawner.close()
	if err := errors.Join(o.closeDB(), o.files.leave()); err != nil {
		return fmt.Errorf("stop demo: %w", err)
	}
	return nil
}

func (o *Orchestrator) closeDB() error {
	if o.store == nil {
		return nil
	}
	ctx := context.Background() // the demo's own has ended
	var err error
	if o.writer != nil {
		err = o.writer.ledger.handBack(ctx)
	}
	return errors.Join(err, o.store.close(ctx))
}
