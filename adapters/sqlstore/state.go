package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

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
// that knows whether it still is the state. Of a database at rest the files tell,
// and no connection is kept.
type state struct {
	conn    *connection // nil for a database at rest
	asked   *sql.Stmt
	version int64 // as the connection tells it
	files   files
	read    time.Time
	known   readings
	name    *byte // a pointer that no other state has
}

// remember keeps a connection through which all was read, without its transaction.
// With an error the connection is the caller's to close.
func remember(conn *connection, found files, known readings, now time.Time) (*state, error) {
	s := &state{conn: conn, files: found, known: known, read: now, name: new(byte)}
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

// rememberAtRest remembers what was read of a database that nobody has open. While
// nobody has, no commit can happen without the files showing it; unless the last
// one was so recent that the next could leave the same time.
func rememberAtRest(found files, known readings, now time.Time) *state {
	const coarsest = 2 * time.Second // are the file times of FAT
	if now.Sub(found.db.ModTime()) <= coarsest {
		return nil
	}
	return &state{files: found, known: known, read: now, name: new(byte)}
}

// close closes the statement too: with one open, SQLite would keep the files open.
func (s *state) close() {
	if s.conn != nil {
		_ = s.asked.Close()
		s.conn.close()
	}
}

// dataVersion is another number after each commit of another connection. Within a
// transaction it is that of what the transaction sees.
func (s *state) dataVersion() (version int64, err error) {
	var value any // which is scanned without reflection
	if err = s.asked.QueryRowContext(context.Background()).Scan(&value); err != nil {
		return 0, fmt.Errorf("read data version: %w", err)
	}
	version, _ = value.(int64)
	return version, nil
}

// current tells whether the state still is that of the database at the path. The
// connection cannot know of a file that was replaced, or written by what is not
// SQLite. While it has a file open, no other one gets the number of its inode.
func (s *state) current(path string) bool {
	if s.conn == nil {
		return s.files.unchanged()
	}
	db, err := os.Stat(path)
	if err != nil || !os.SameFile(db, s.files.db) || markOf(db) != markOf(s.files.db) || changeOf(db) != changeOf(s.files.db) {
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

// sameFile tells whether a sidecar file is the same, for the same users.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	before, now := ownerOf(a), ownerOf(b)
	return os.SameFile(a, b) && a.Mode() == b.Mode() && (before == nil || now != nil && *before == *now)
}
