package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

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
	known map[string]*told
	all   allowance
	lost  int // changes that were not said, of sections that are forgotten
}

// told is what the log has of a section.
type told struct {
	said, seen state // what the log says of it, and what it was last
	changes    int   // from the one to the other
	own        allowance
	refused    bool // it is no section
}

type state struct {
	status domain.Status
	code   domain.Code
}

func newStatusLog(log *slog.Logger) *statusLog {
	return &statusLog{log: log, known: map[string]*told{}, all: allowance{burst: allBurst, pause: allPause}}
}

// note logs the outcome if it differs from what the log says of the section. A
// section is taken to be ok before its first.
func (l *statusLog) note(key string, o outcome) {
	if o.report.Status == domain.StatusDisabled {
		return
	}
	now := state{status: o.report.Status}
	if o.report.Code != nil {
		now.code = *o.report.Code
	}
	suppressed, due := l.due(key, now, o.refused, time.Now())
	if !due {
		return
	}
	attrs := []slog.Attr{slog.String("section", key), slog.String("status", string(now.status))}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	if now.status == domain.StatusOK {
		l.log.LogAttrs(context.Background(), slog.LevelInfo, "section recovered", attrs...)
		return
	}
	attrs = append(attrs, slog.String("code", string(now.code)), slog.Any("cause", o.err))
	var cause *frozenError
	if errors.As(o.err, &cause) && cause.stack != "" {
		attrs = append(attrs, slog.String("stack", cause.stack))
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "section not ok", attrs...)
}

// gone notes that what was refused as a section is so no longer, of which a scrape of all
// of them has nothing.
func (l *statusLog) gone(present map[string]domain.SectionReport) {
	for _, key := range l.refusals() {
		if _, here := present[key]; !here {
			l.note(key, outcome{refused: true, report: domain.SectionReport{Status: domain.StatusOK}})
		}
	}
}

// refusals are the names of what was refused, and was not well since.
func (l *statusLog) refusals() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, its := range l.known {
		if its.refused && its.said.status != domain.StatusOK {
			names = append(names, key)
		}
	}
	return names
}

// due tells whether the log shall say a section's state now, and how many changes
// before it were not said.
func (l *statusLog) due(key string, now state, refused bool, at time.Time) (suppressed int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	its, known := l.known[key]
	if !known {
		ok := state{status: domain.StatusOK}
		its = &told{said: ok, seen: ok, own: allowance{burst: ownBurst, pause: ownPause}, refused: refused}
		l.known[key] = its
	}
	if now != its.seen {
		its.seen = now
		its.changes++
	}
	if now == its.said || !its.own.left(at) || !l.all.left(at) {
		return 0, false
	}
	its.own.spent++
	l.all.spent++
	suppressed = its.changes - 1 + l.lost
	its.said, its.changes, l.lost = now, 0, 0
	return suppressed, true
}

// forget drops sections that are not among these, once there are too many.
func (l *statusLog) forget(present map[string]domain.SectionReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) <= maxRemembered {
		return
	}
	for key, its := range l.known {
		if _, here := present[key]; !here {
			l.lost += its.changes
			delete(l.known, key)
		}
	}
}

// allowance is a token bucket.
type allowance struct {
	burst float64
	pause time.Duration
	spent float64
	at    time.Time // when spent was right
}

// left tells whether there is something to take.
func (a *allowance) left(now time.Time) bool {
	a.spent = max(0, a.spent-float64(now.Sub(a.at))/float64(a.pause))
	a.at = now
	return a.spent <= a.burst-1
}
