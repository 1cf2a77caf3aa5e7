package sqlstore

import (
	"sync"
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
)

// cache keeps the readings of the last state of the database, for as long as the
// files show that it still is the state.
type cache struct {
	mu    sync.Mutex
	stamp stamp
	known readings
}

// of returns what is known of the database whose files these are; nothing if
// they may have changed.
func (c *cache) of(found files) readings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stamp != found.stamp() {
		return nil
	}
	return c.known
}

// keep adds a reading that was begun after the files were inspected.
func (c *cache) keep(found files, from source, reading any) {
	if !found.settled() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := readings{from: reading}
	if c.stamp == found.stamp() {
		for other, reading := range c.known { // copied, since views hold the map
			if other != from {
				known[other] = reading
			}
		}
	}
	c.stamp, c.known = found.stamp(), known
}
