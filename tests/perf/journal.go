package perf

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
)

// JournalWorld is a database with a rollback journal, and a writer in another process
// that does not wait for locks.
type JournalWorld struct{ *World }

// NewJournalWorld makes one of a size, in a folder of its own below dir.
func NewJournalWorld(histories Histories, dir string, size Size, agents Agents) (*JournalWorld, error) {
	w := &World{}
	var err error
	if w.dir, err = os.MkdirTemp(dir, "world-"); err != nil {
		return nil, err
	}
	w.DB = filepath.Join(w.dir, "orchestrator.db")
	if err := histories.Copy(size, w.DB); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.activate(size, true, agents); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if w.writer, err = startRole("journal", w.DB); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if _, err := w.writer.line(); err != nil { // ready
		return nil, errors.Join(err, w.Close())
	}
	return &JournalWorld{w}, nil
}

// Try lets the writer commit for a while, a hundred times a second, and returns how
// often it tried and how often it was refused.
func (w *JournalWorld) Try(long time.Duration) (tried, refused int64, err error) {
	answer, err := w.writer.ask("%s", long)
	if err != nil {
		return 0, 0, err
	}
	first, second, _ := strings.Cut(answer, " ")
	tried, err = strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, err
	}
	refused, err = strconv.ParseInt(second, 10, 64)
	return tried, refused, err
}

// runJournal is that writer. Each order is how long it commits.
func runJournal(args []string) error {
	db, err := sql.Open("sqlite3", "file:"+args[0]+"?_journal_mode=DELETE&_synchronous=OFF&_busy_timeout=0")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		var order string
		if _, err := fmt.Scanln(&order); err != nil {
			return nil // there are no more orders
		}
		long, err := time.ParseDuration(order)
		if err != nil {
			return err
		}
		tried, refused, err := commitWithoutWaiting(db, long)
		if err != nil {
			return err
		}
		fmt.Println(tried, refused)
	}
}

func commitWithoutWaiting(db *sql.DB, long time.Duration) (tried, refused int64, err error) {
	ticks := time.NewTicker(time.Second / 100)
	defer ticks.Stop()
	for began := time.Now(); time.Since(began) < long; <-ticks.C {
		tried++
		_, err := db.Exec("UPDATE tasks SET updated_at = datetime('now') WHERE id = (SELECT max(id) FROM tasks)")
		if err != nil && err.Error() == "database is locked" { // the driver has codes only with cgo
			refused++
			continue
		}
		if err != nil {
			return tried, refused, err
		}
	}
	return tried, refused, nil
}

// Queue puts so many of the newest jobs of a database back into the queue, and lets
// as many as are running run.
func Queue(path string, queued, running int64) error {
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(`UPDATE jobs SET status = CASE WHEN id > (SELECT max(id) FROM jobs) - ? THEN 'queued' ELSE 'running' END
		WHERE id > (SELECT max(id) FROM jobs) - ?`, queued, queued+running)
	return err
}
