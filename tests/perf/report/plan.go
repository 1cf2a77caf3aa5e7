package main

import "time"

// plan says how large and how long everything is.
type plan struct {
	name string
	// small, rows and large are the sizes; without a large one its row is left out.
	small, rows, large int64
	// rounds is how often the sides of a comparison take turns, and window how long
	// one side takes.
	rounds int
	window time.Duration
	// cpu is how long the processor time is watched.
	cpu time.Duration
	// scrapes are made before the memory is looked at.
	scrapes int
	// pollers is the number of those at the same time.
	pollers int
}

var (
	full = plan{
		name: "full", small: 1000, rows: 1_000_000, large: 10_000_000,
		rounds: 10, window: 3 * time.Second, cpu: time.Minute, scrapes: 10_000, pollers: 1000,
	}
	brief = plan{
		name: "short", small: 1000, rows: 1_000_000,
		rounds: 3, window: time.Second, cpu: 10 * time.Second, scrapes: 1000, pollers: 1000,
	}
	// tiny shows that everything still works, and measures nothing.
	tiny = plan{
		name: "tiny", small: 1000, rows: 2000, large: 3000,
		rounds: 1, window: 150 * time.Millisecond, cpu: 100 * time.Millisecond, scrapes: 10, pollers: 20,
	}
)
