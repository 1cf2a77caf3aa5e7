package demo

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"time"
)

const maxConcurrency = 4

// writer is the orchestrator's worker: it goes through its rounds, one a tick,
// all on one goroutine. Each change is a short transaction of its own, and the
// roster follows only after the commit.
type writer struct {
	ledger    *ledger
	spawner   *spawner
	breaker   *breaker
	roster    roster
	stateFile string
	every     time.Duration
	tick      int
	log       *slog.Logger
}

// run goes on until the context ends.
func (w *writer) run(ctx context.Context) { repeat(ctx, w.every, w.log, w.round) }

// repeat does a round at each tick until the context ends. One that fails is reported
// and the next one tried: the fault may be a reader's lock.
func repeat(ctx context.Context, every time.Duration, log *slog.Logger, round func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := round(ctx); err != nil && ctx.Err() == nil {
			log.Warn("demo: round failed", "error", err)
		}
	}
}

// round is one tick. Jobs are claimed after the spawns: what is claimed in this
// round is seen without a process until the next.
func (w *writer) round(ctx context.Context) error {
	w.tick++
	w.breaker.tick()
	return errors.Join(
		w.noticeEnded(ctx),
		w.finishRelieved(ctx),
		w.spawnClaimed(ctx),
		w.claimFree(ctx),
		w.ledger.plan(ctx),
		w.publish(),
	)
}

// noticeEnded fails the jobs whose agent ended by itself, some time after it
// did: until then they say running, as those of a real orchestrator would.
func (w *writer) noticeEnded(ctx context.Context) error {
	var failed []error
	for _, s := range slices.Clone(w.roster.slots) {
		if s.agent == nil || s.up() {
			continue
		}
		if s.endAt == 0 {
			s.endAt = w.tick
		}
		if w.tick-s.endAt >= noticeAfter {
			failed = append(failed, w.settle(ctx, s, outcome{exitCode: s.agent.exitCode(), err: "agent process is gone"}))
		}
	}
	return errors.Join(failed...)
}

// finishRelieved ends the agent whose successor is up; not all have done well.
func (w *writer) finishRelieved(ctx context.Context) error {
	s := w.roster.relieved(w.tick)
	if s == nil {
		return nil
	}
	s.agent.end()
	return w.settle(ctx, s, w.outcome(s.job))
}

func (w *writer) outcome(j *job) outcome {
	rng := w.ledger.rng
	used := spend(rng, j.with.model)
	if chance(rng, 80) {
		return outcome{succeeded: true, exitCode: exitCode(0), used: &used}
	}
	return outcome{exitCode: exitCode(1), used: &used, err: pickError(rng)}
}

// spawnClaimed gives the claimed jobs their processes.
func (w *writer) spawnClaimed(ctx context.Context) error {
	var failed []error
	for _, s := range slices.Clone(w.roster.slots) {
		if s.agent == nil {
			failed = append(failed, w.spawn(ctx, s))
		}
	}
	return errors.Join(failed...)
}

func (w *writer) spawn(ctx context.Context, s *slot) error {
	a, err := w.spawner.spawn(s.kind, dyingLife*w.every)
	if err != nil {
		return errors.Join(err, w.settle(ctx, s, outcome{err: "agent could not be started"}))
	}
	if err := w.ledger.spawned(ctx, s.job, a.pid()); err != nil {
		a.end() // the next round tries again
		return err
	}
	s.agent, s.upAt = a, w.tick
	return nil
}

// claimFree fills the free slots while there are jobs and the breaker lets it.
func (w *writer) claimFree(ctx context.Context) error {
	for len(w.roster.slots) < maxConcurrency && w.breaker.allows() {
		j, err := w.ledger.claim(ctx)
		if errors.Is(err, errNothingQueued) {
			return nil
		}
		if err != nil {
			return err
		}
		w.roster.add(&slot{job: j, kind: w.roster.nextKind(w.breaker.state == breakerClosed)})
	}
	return nil
}

func (w *writer) settle(ctx context.Context, s *slot, o outcome) error {
	if err := w.ledger.settle(ctx, s.job, o); err != nil {
		return err
	}
	w.roster.remove(s)
	w.breaker.record(o.succeeded, time.Now())
	return nil
}

func (w *writer) publish() error {
	return workerState{
		Breaker:        w.breaker.snapshot(),
		MaxConcurrency: maxConcurrency,
		PollInterval:   w.every.Seconds(),
		UpdatedAt:      time.Now().UTC().Format(time.RFC3339),
	}.write(w.stateFile)
}

func exitCode(code int64) sql.Null[int64] {
	return sql.Null[int64]{V: code, Valid: true}
}
