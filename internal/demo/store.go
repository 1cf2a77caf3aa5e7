package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3" // the orchestrator's database engine
)

// store is where the orchestrator keeps its tables.
type store struct {
	db *sql.DB
	// location is what the service is told, and close leaves the store as it is to be
	// found after the demo.
	location string
	close    func(context.Context) error
	// named gives a statement its parameters by name.
	named func(map[string]any) []any
}

// openStore creates the database with the orchestrator's settings: one
// connection, kept open as a live writer keeps it.
func openStore(ctx context.Context, path, tables string) (*store, error) {
	db, err := sql.Open("sqlite3", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return nil, errors.Join(fmt.Errorf("create schema: %w", err), db.Close())
	}
	return &store{db: db, location: path, named: named, close: func(ctx context.Context) error { return closeStore(ctx, db) }}, nil
}

func named(values map[string]any) (args []any) {
	for name, value := range values {
		args = append(args, sql.Named(name, value))
	}
	return args
}

// dsn is a URI: without the scheme a path with a question mark in it would lose
// its end. synchronous=NORMAL is what makes the log cheap enough to commit
// every tick; the demo has nothing to lose in a power cut.
func dsn(path string) string {
	uri := url.URL{
		Scheme:   "file",
		Path:     filepath.ToSlash(path),
		RawQuery: "_journal_mode=WAL&_busy_timeout=5000&_txlock=immediate&_synchronous=NORMAL",
	}
	return uri.String()
}

// closeStore leaves one file with every commit in it. The last close would
// checkpoint by itself, but not while a reader still has the database open; so
// it is asked for, briefly, before.
func closeStore(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `PRAGMA busy_timeout = 500; PRAGMA wal_checkpoint(TRUNCATE)`)
	if err != nil {
		err = fmt.Errorf("checkpoint: %w", err)
	}
	return errors.Join(err, db.Close())
}

// inTx runs a function in a transaction, which must be short: a reader is beside
// us.
func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after a commit
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// insertAll runs one statement for every row.
func insertAll[T any](ctx context.Context, tx *sql.Tx, query string, rows []T, args func(T) []any) error {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer func() { _ = stmt.Close() }()
	for _, row := range rows {
		if _, err := stmt.ExecContext(ctx, args(row)...); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	return nil
}

// stamp writes an instant as SQLite's datetime('now') does; the zero time is
// NULL.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.DateTime)
}
