package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orchmetrics/orchmetrics/domain"
)

const (
	// A section may be told of so often at once, and then again after each pause.
	// What changes meanwhile is told, with how often it did, when its turn is there.
	ownBurst = 6
	ownPause = 10 * time.Second
	// The same for all sections together: those of files may have ever new names.
	allBurst = 60
	allPause = time.Second
	// maxRemembered is of how many sections the log remembers what it said, besides
	// those of the present scrape.
	maxRemembered = 1000
)

// statusLog tells the log when a section's status changes, and nothing while it
// stays the same: a poll a second must not write a line a second, not even of a
// section that changes with each.
type statusLog struct {
	log *slog.Logger

	mu    sync.Mutex
	known map[string]*told // those that were ever anything else than ok
	all   *rate.Limiter
	lost  int // changes that were not said, of sections that are forgotten
}

// told is what the log has of a section.
type told struct {
	said, seen state // what the log says of it, and what it was last
	changes    int   // from the one to the other
	own        *rate.Limiter
	refused    bool // it is no section
}

type state struct {
	status domain.Status
	code   domain.Code
}

func newStatusLog(log *slog.Logger) *statusLog {
	return &statusLog{log: log, known: map[string]*told{}, all: rate.NewLimiter(rate.Every(allPause), allBurst)}
}

// note logs each outcome that differs from what the log says of its section. A section
// is taken to be ok before its first. present are the sections of the scrape; if that was
// of all, what was refused before and is not among them is so no longer. Once too many
// sections are known, those that are not present are forgotten.
func (l *statusLog) note(outcomes []outcome, present map[string]domain.SectionReport, all bool) {
	var due []func()
	l.mu.Lock()
	full := len(l.known) > maxRemembered
	for key, its := range l.known {
		_, here := present[key]
		switch {
		case here:
		case full:
			l.lost += its.changes
			delete(l.known, key)
		case all && its.refused && its.said.status != domain.StatusOK:
			due = l.see(due, outcome{key: key, report: domain.SectionReport{Status: domain.StatusOK}})
		}
	}
	for _, o := range outcomes {
		status := o.report.Status
		if status != domain.StatusDisabled && (status != domain.StatusOK || l.known[o.key] != nil) {
			due = l.see(due, o)
		}
	}
	l.mu.Unlock()
	for _, write := range due { // a log that blocks holds up who has something to say, and nobody else
		write()
	}
}

// see adds a section's state to what is to be written, unless the log says it already or
// may not say it yet.
func (l *statusLog) see(due []func(), o outcome) []func() {
	at, its := time.Now(), l.known[o.key]
	if its == nil {
		ok := state{status: domain.StatusOK}
		its = &told{said: ok, seen: ok, own: rate.NewLimiter(rate.Every(ownPause), ownBurst), refused: o.refused}
		l.known[o.key] = its
	}
	now := state{status: o.report.Status}
	if o.report.Code != nil {
		now.code = *o.report.Code
	}
	if now != its.seen {
		its.seen = now
		its.changes++
	}
	if now == its.said || its.own.TokensAt(at) < 1 || !l.all.AllowN(at, 1) {
		return due
	}
	its.own.AllowN(at, 1)
	suppressed := its.changes - 1 + l.lost
	its.said, its.changes, l.lost = now, 0, 0
	return append(due, func() { l.write(o, suppressed) })
}

// write logs an outcome, with how many changes before it were not said.
func (l *statusLog) write(o outcome, suppressed int) {
	attrs := []slog.Attr{slog.String("section", o.key), slog.String("status", string(o.report.Status))}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	if o.err == nil {
		l.log.LogAttrs(context.Background(), slog.LevelInfo, "section recovered", attrs...)
		return
	}
	attrs = append(attrs, slog.String("code", string(*o.report.Code)), slog.Any("cause", o.err))
	if cause, is := errors.AsType[*frozenError](o.err); is && cause.stack != "" {
		attrs = append(attrs, slog.String("stack", cause.stack))
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "section not ok", attrs...)
}
