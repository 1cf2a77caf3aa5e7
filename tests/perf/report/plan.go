package main

import (
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// plan says how large and how long everything is.
type plan struct {
	Name string
	// Small, Rows and Large are the sizes; without a large one its row is left out.
	Small, Rows, Large int64
	// Rounds is how often the sides of a comparison take turns, and window how long
	// one side takes.
	Rounds int
	Window time.Duration
	// Pause is a second, between the polls of a calm client.
	Pause time.Duration
	// CPU is how long the processor time is watched.
	CPU time.Duration
	// Scrapes are made before the memory is looked at.
	Scrapes int
	// Pollers is the number of those at the same time.
	Pollers int
	// Hosts is the number of instances on one PostgreSQL server.
	Hosts int
	// Build builds the service's program into a folder.
	Build func(dir string) (path string, err error)
	// Only is what the name of a measure must contain to be taken.
	Only string
}

// Tasks are those of a database of so many rows.
func (p plan) Tasks() int64 { return p.Rows / 4 }

// Backlog are the jobs of a database in which all wait or run.
func (p plan) Backlog() int64 { return p.Rows / 2 }

var (
	full = plan{
		Name: "full", Small: 1000, Rows: 1_000_000, Large: 10_000_000,
		Rounds: 5, Window: 2 * time.Second, Pause: time.Second, CPU: time.Minute, Scrapes: 10_000, Pollers: 1000, Hosts: 50,
		Build: perf.BuildStatic,
	}
	brief = plan{
		Name: "short", Small: 1000, Rows: 1_000_000,
		Rounds: 3, Window: time.Second, Pause: time.Second, CPU: 10 * time.Second, Scrapes: 1000, Pollers: 1000, Hosts: 50,
		Build: perf.BuildStatic,
	}
	// tiny shows that everything still works, and measures nothing.
	tiny = plan{
		Name: "tiny", Small: 1000, Rows: 2000, Large: 3000,
		Rounds: 1, Window: 150 * time.Millisecond, Pause: 50 * time.Millisecond, CPU: 100 * time.Millisecond, Scrapes: 10, Pollers: 20, Hosts: 3,
		Build: perf.Build,
	}
)
