package sqlstore

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// closeTogether is how soon after a view the next one begins in a flood, and
	// inFlood how many have to, one after the other. After that it may falter as
	// long as the connection lingers.
	closeTogether = 40 * time.Millisecond
	inFlood       = 10
	// linger is how long a connection outlives a view in a flood. The orchestrator
	// that stops after it is alone with its database.
	linger = 100 * time.Millisecond
	// keepFor is the longest that readings are used again: what a recount has found
	// does not show in the database.
	keepFor = time.Second
)

// flood lets the views of a flood of scrapes read each state of the database once.
// The last connection that read all of one then stays open for a moment, outside
// of any transaction, since SQLite tells a connection whether there was a commit
// (https://www.sqlite.org/pragma.html#pragma_data_version). The files alone cannot
// tell while a writer may be there: a commit is visible only some time after its
// last byte was written.
type flood struct {
	now func() time.Time
	// looking is of 1: for who uses what is kept, or closes it.
	looking *semaphore.Weighted

	mu     sync.Mutex
	last   time.Time // when the last view began or ended
	streak int
	kept   *state // nil if nothing is
	expiry *time.Timer
}

func newFlood() flood { return flood{now: time.Now, looking: semaphore.NewWeighted(1)} }

// begins notes that a view begins.
func (f *flood) begins() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	switch pause := now.Sub(f.last); {
	case pause < closeTogether:
		f.streak++
	case f.streak < inFlood || pause >= linger:
		f.streak = 0
	}
	f.last = now
}

// ends notes that a view ends.
func (f *flood) ends() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = f.now()
}

// on tells whether there is a flood.
func (f *flood) on() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streak >= inFlood
}

// recall returns the state that is kept if it still is that of the database at the
// path, and nil if it is not or if that cannot be told in time. What is known of it
// stays good to use.
func (f *flood) recall(ctx context.Context, path string) *state {
	if f.looking.Acquire(ctx, 1) != nil {
		return nil
	}
	defer f.looking.Release(1)
	f.mu.Lock()
	s := f.kept
	f.mu.Unlock()
	if s == nil {
		return nil
	}
	if f.now().Sub(s.read) >= keepFor || !s.current(path) {
		f.drop(s)
		return nil
	}
	f.expiry.Reset(linger)
	return s
}

// keep keeps a state for the next view, for a moment.
func (f *flood) keep(s *state) {
	if !f.put(s) {
		s.close() // not under the lock: it may take a while
	}
}

// put is false if another view at the same time was faster.
func (f *flood) put(s *state) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != nil {
		return false
	}
	f.kept = s
	if f.expiry == nil {
		f.expiry = time.AfterFunc(linger, f.expire)
	} else {
		f.expiry.Reset(linger)
	}
	return true
}

// expire closes what is kept.
func (f *flood) expire() {
	_ = f.looking.Acquire(context.Background(), 1) // fails only with its context
	defer f.looking.Release(1)
	f.mu.Lock()
	s := f.kept
	f.mu.Unlock()
	if s != nil {
		f.drop(s)
	}
}

// drop closes what is kept. Only for who is looking.
func (f *flood) drop(s *state) {
	f.mu.Lock()
	f.kept = nil
	f.mu.Unlock()
	s.close()
}
