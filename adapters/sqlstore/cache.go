package sqlstore

import (
	"sync"
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

// keepFor is the longest that readings are kept. The files cannot show a commit
// that was slow to become visible after its last byte, see settled.
const keepFor = 10 * time.Second

// cache keeps the readings of the last state of the database, for as long as the
// files show that it still is the state.
type cache struct {
	mu    sync.Mutex
	stamp stamp
	since time.Time
	known readings
}

// of returns what is known of the database whose files these are: all of it, or
// nothing. With a part a view would have to read the rest of a state that may
// have changed since.
func (c *cache) of(found files) readings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still(found) || len(c.known) < int(sources) {
		return nil
	}
	return c.known
}

// still tells whether what is known is of the files.
func (c *cache) still(found files) bool {
	return c.stamp == found.stamp() && found.at.Sub(c.since) < keepFor
}

// keep adds a reading that was begun after the files were inspected, and found to
// be settled.
func (c *cache) keep(found files, from source, reading any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := readings{from: reading}
	if c.still(found) {
		for other, reading := range c.known { // copied, since views hold the map
			if other != from {
				known[other] = reading
			}
		}
	}
	if !c.still(found) {
		c.stamp, c.since = found.stamp(), found.at
	}
	c.known = known
}
