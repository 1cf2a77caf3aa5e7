package perf

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// World is one database with an orchestrator in another process, which has it
// open as long as the world lasts.
type World struct {
	// DB is the database's path.
	DB     string
	dir    string
	writer *child
}

// NewWorld makes one of a size, in a folder of its own below dir. The agents are
// those of its running jobs.
func NewWorld(histories Histories, dir string, size Size, stageIndex bool, agents Agents) (w *World, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w = &World{}
	if w.dir, err = os.MkdirTemp(dir, "world-"); err != nil {
		return w, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	w.DB = filepath.Join(w.dir, "orchestrator.db")
	if err := histories.Copy(size, w.DB); err != nil {
		return w, err
	}
	if err := w.activate(size, stageIndex, agents); err != nil {
		return w, err
	}
	if w.writer, err = startRole("writer", w.DB); err != nil {
		return w, err
	}
	_, err = w.writer.line() // ready
	return w, err
}

func (w *World) activate(size Size, stageIndex bool, agents Agents) error {
	db, err := sql.Open("sqlite3", "file:"+w.DB)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return activate(db, size, agents.pids(), stageIndex)
}

// Step commits once.
func (w *World) Step() error {
	_, err := w.ask("step")
	return err
}

// Pace makes the orchestrator commit so many times a second from now on; 0 stops
// it. It returns how many commits there were so far.
func (w *World) Pace(commits int) (int64, error) { return w.ask("pace " + strconv.Itoa(commits)) }

// Run makes the orchestrator commit as fast as it can, and returns how many
// commits a second it reached.
func (w *World) Run(long time.Duration) (float64, error) {
	before, err := w.ask("pace 0")
	if err != nil {
		return 0, err
	}
	began := time.Now()
	after, err := w.ask("run " + long.String())
	return float64(after-before) / time.Since(began).Seconds(), err
}

func (w *World) ask(order string) (int64, error) {
	answer, err := w.writer.ask("%s", order)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(answer, 10, 64)
}

// Close ends the orchestrator and removes the database.
func (w *World) Close() error {
	var err error
	if w.writer != nil {
		err = w.writer.close()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}
