// Package doctor looks at everything the service depends on, and says of each
// what is wrong and what to do. It changes nothing: it reads as the service does,
// and binds a port for a moment at most. It prints no value that may be a secret.
//
// One file has one check. A check that finds nothing wrong says what it found.
package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/profile"
	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// patience is how long a check may take. What hangs (a dead network mount) is
// left behind.
const patience = 3 * time.Second

// Status is how a check went.
type Status string

// The statuses, from good to bad.
const (
	// OK: as it should be.
	OK Status = "ok"
	// Warning: the service works, but a part of its answer is missing, wrong or
	// slow, or may soon be.
	Warning Status = "warning"
	// Failed: something that is set does not work.
	Failed Status = "failed"
	// Skipped: not looked at, since what it depends on failed, which is told there.
	// It makes the report no worse.
	Skipped Status = "skipped"
)

// Report is what all checks found.
type Report struct {
	// Status is the worst of the checks'.
	Status Status `json:"status"`
	// Checks are always the same, in the same order.
	Checks []Result `json:"checks"`
}

// Result is what one check found.
type Result struct {
	// Check is the stable name of the check.
	Check   string `json:"check"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	// Do is what to do about it; empty if nothing is to be done.
	Do string `json:"do"`
	// Code is that of the section that fails; null if there is none.
	Code *domain.Code `json:"code"`
	// Details are what the check looked at, one by one; empty if it was one thing.
	Details []Detail `json:"details"`
	// DurationMS is how long the check took, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
}

// Detail is one of several things that a check looked at.
type Detail struct {
	Subject string `json:"subject"`
	Status  Status `json:"status"`
	Message string `json:"message"`
}

// Inputs are what the settings alone do not tell.
type Inputs struct {
	// Environ is the environment, as os.Environ gives it.
	Environ []string
	// Refused says of each setting that could not be read what is wrong with it;
	// the configuration has its default instead.
	Refused []string
	// Now is the present time.
	Now time.Time
}

// doctor has what the checks need.
type doctor struct {
	cfg orchmetrics.Config
	in  Inputs
	// db is that of ORCH_DB, or the first one of a profile; nil if no setting can
	// ever name one. It is one of the engines. jobs are those that it tells of.
	db       engine.Engine
	sqlite   *sqlite.Engine
	postgres *postgres.Engine
	jobs     ports.AgentSource
	// store is nil with a profile, and profile without one.
	store   *sqlstore.Store
	profile *profile.Store
	// unreadable is set once the database is known to be so: other checks of it
	// need not find that out again.
	unreadable bool
}

// check is one check; run returns at the latest when the context ends, unless
// what it asks hangs.
type check struct {
	name string
	run  func(ctx context.Context) Result
}

// Examine runs all checks, one after the other.
func Examine(ctx context.Context, cfg orchmetrics.Config, in Inputs) Report {
	cfg.Logger = slog.New(slog.DiscardHandler) // what it has to say is in the report
	d := &doctor{cfg: cfg, in: in}
	defer d.openStore()()
	report := Report{Status: OK}
	for _, c := range []check{
		{"settings", d.settings},
		{"database", d.database},
		{"journal", d.journal},
		{"permissions", d.permissions},
		{"schema", d.schema},
		{"indexes", d.indexes},
		{"worker_state", d.workerState},
		{"proc", d.proc},
		{"sections_dir", d.sectionsDir},
		{"web_config", d.webConfig},
		{"listen", d.listen},
	} {
		result := c.examine(ctx, patience)
		if c.name == "database" {
			d.unreadable = result.Status == Failed
		}
		report.Checks = append(report.Checks, result)
		report.Status = worse(report.Status, result.Status)
	}
	return report
}

// openStore opens a store that keeps nothing; none if there can be none, as the check of
// the database tells. It returns what closes it.
func (d *doctor) openStore() (closeStore func()) {
	cfg := d.cfg
	cfg.MaxRows, cfg.Exact = max(1, cfg.MaxRows), true
	opened := map[string]engine.Engine{}
	if cfg.Profile != "" {
		if p, err := orchmetrics.LoadProfile(cfg); err == nil {
			if d.profile, opened, err = orchmetrics.OpenProfile(cfg, p); err == nil {
				d.db, d.jobs = opened[p.Databases[0].Name], d.profile
			}
		}
	} else if database, err := orchmetrics.OpenDatabase(cfg); err == nil {
		d.db, opened["database"] = database, database
		if d.store, err = sqlstore.New(database, sqlstore.Options{MaxRows: cfg.MaxRows, Exact: true}); err == nil {
			d.jobs = d.store
		}
	}
	d.sqlite, _ = d.db.(*sqlite.Engine)
	d.postgres, _ = d.db.(*postgres.Engine)
	return func() {
		for _, e := range opened {
			if server, ok := e.(*postgres.Engine); ok {
				_ = server.Close()
			}
		}
	}
}

// examine runs a check within its time.
func (c check) examine(ctx context.Context, patience time.Duration) Result {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan Result, 1)
	go func() { done <- c.run(ctx) }()
	var result Result
	select {
	case result = <-done:
	case <-time.After(patience + patience/4): // an interrupted reading needs a moment to return
		result = failed(fmt.Sprintf("no answer within %s", patience),
			"look for a file system that hangs, or a disk that is overloaded")
	}
	result.Check = c.name
	result.DurationMS = float64(time.Since(began).Microseconds()) / 1000
	if result.Details == nil {
		result.Details = []Detail{}
	}
	for _, detail := range result.Details {
		result.Status = worse(result.Status, detail.Status)
	}
	return result
}

func worse(a, b Status) Status {
	rank := map[Status]int{Warning: 1, Failed: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func ok(message string) Result           { return Result{Status: OK, Message: message} }
func warning(message, do string) Result  { return Result{Status: Warning, Message: message, Do: do} }
func failed(message, do string) Result   { return Result{Status: Failed, Message: message, Do: do} }
func (r Result) as(c domain.Code) Result { r.Code = &c; return r }

// notChecked is for what cannot be told without the database.
func notChecked() Result {
	return Result{Status: Skipped, Message: "not checked: see database"}
}
