package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	// closeTogether is how soon after a view the next one begins in a flood, and
	// inFlood how many have to, one after the other.
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
// tell: a commit is visible only some time after its last byte was written.
type flood struct {
	now func() time.Time

	mu     sync.Mutex
	last   time.Time // when the last view began or ended
	streak int
	kept   *state // nil if nothing is
	expiry *time.Timer
}

// readings are what sources have read of one state of the database, by source.
// They are shared and never changed.
type readings map[source]any

// source names one of the store's sources.
type source int

const (
	activeTasks source = iota
	statusCounts
	retries
	runningJobs
	costTotals

	sources // how many there are
)

// state is one state of the database of which all is known, and the connection
// that knows whether it still is the state.
type state struct {
	conn    *connection
	asked   *sql.Stmt
	version int64 // as the connection tells it
	files   files
	read    time.Time
	known   readings
}

// remember ends the transaction of a connection through which all was read.
func remember(conn *connection, found files, known readings, now time.Time) (*state, error) {
	s := &state{conn: conn, files: found, known: known, read: now}
	var err error
	if s.asked, err = conn.conn.PrepareContext(context.Background(), "PRAGMA data_version"); err != nil {
		return nil, fmt.Errorf("prepare data version: %w", err)
	}
	if s.version, err = s.dataVersion(); err == nil {
		err = conn.tx.Rollback()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("end transaction: %w", err), s.asked.Close())
	}
	return s, nil
}

// close closes the statement too: with one open, SQLite would keep the files open.
func (s *state) close() {
	_ = s.asked.Close()
	s.conn.close()
}

// dataVersion is another number after each commit of another connection. Within a
// transaction it is that of what the transaction sees.
func (s *state) dataVersion() (version int64, err error) {
	if err = s.asked.QueryRowContext(context.Background()).Scan(&version); err != nil {
		return 0, fmt.Errorf("read data version: %w", err)
	}
	return version, nil
}

// current tells whether the state still is that of the database at the path. The
// connection cannot know of a file that was replaced, or written by what is not
// SQLite. While it has a file open, no other one gets the number of its inode.
func (s *state) current(path string) bool {
	db, err := os.Stat(path)
	if err != nil || !os.SameFile(db, s.files.db) || markOf(db) != markOf(s.files.db) {
		return false
	}
	for suffix, before := range map[string]fs.FileInfo{"-wal": s.files.wal, "-shm": s.files.shm} {
		if now, err := statIfExists(s.files.path + suffix); err != nil || !sameFile(now, before) {
			return false
		}
	}
	version, err := s.dataVersion()
	return err == nil && version == s.version
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b)
}

// begins notes that a view begins.
func (f *flood) begins() {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.last) < closeTogether {
		f.streak++
	} else {
		f.streak = 0
	}
	f.last = now
}

// on tells whether there is a flood.
func (f *flood) on() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streak >= inFlood
}

// take returns the state that is kept if it still is that of the database at the
// path. It is the caller's until it is kept again.
func (f *flood) take(path string) *state {
	f.mu.Lock()
	s := f.kept
	f.kept = nil
	f.mu.Unlock()
	if s != nil && (f.now().Sub(s.read) >= keepFor || !s.current(path)) {
		s.close()
		return nil
	}
	return s
}

// keep keeps a state for the next view, for a moment.
func (f *flood) keep(s *state) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = f.now()
	if f.kept != nil { // by another view at the same time
		s.close()
		return
	}
	f.kept = s
	if f.expiry == nil {
		f.expiry = time.AfterFunc(linger, f.expire)
	} else {
		f.expiry.Reset(linger)
	}
}

// expire closes what is kept.
func (f *flood) expire() {
	f.mu.Lock()
	s := f.kept
	f.kept = nil
	f.mu.Unlock()
	if s != nil {
		s.close()
	}
}
