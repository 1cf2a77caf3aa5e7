package demo

import "time"

// The states of the circuit breaker.
const (
	breakerClosed   = "closed"
	breakerOpen     = "open"
	breakerHalfOpen = "half_open"
)

const (
	breakerLimit   = 2  // so many failed runs in a row open it: few, so that a short demo shows it
	breakerOpenFor = 12 // ticks
)

// breaker keeps the worker from starting jobs while they only fail.
type breaker struct {
	state    string
	failures int
	openedAt time.Time // zero while closed
	openFor  int       // ticks so far
}

func newBreaker() *breaker { return &breaker{state: breakerClosed} }

// allows tells whether jobs may be started.
func (b *breaker) allows() bool { return b.state != breakerOpen }

// tick lets time pass: after a while an open breaker lets a trial through.
func (b *breaker) tick() {
	if b.state != breakerOpen {
		return
	}
	if b.openFor++; b.openFor >= breakerOpenFor {
		b.state = breakerHalfOpen
	}
}

// record takes notice of how a run ended.
func (b *breaker) record(succeeded bool, now time.Time) {
	if succeeded {
		if b.state != breakerOpen { // a run from before says nothing about the fault
			*b = *newBreaker()
		}
		return
	}
	b.failures++
	if b.state == breakerHalfOpen || (b.state == breakerClosed && b.failures >= breakerLimit) {
		b.state, b.openedAt, b.openFor = breakerOpen, now, 0
	}
}
