package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/orchmetrics/orchmetrics/domain"
)

// statusLog tells the log when a section's status changes, and nothing while it
// stays the same: a poll a second must not write a line a second.
type statusLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last map[string]state
}

type state struct {
	status domain.Status
	code   domain.Code
}

func newStatusLog(log *slog.Logger) *statusLog {
	return &statusLog{log: log, last: map[string]state{}}
}

// note logs the outcome if it differs from the section's last one. A section is
// taken to be ok before its first.
func (l *statusLog) note(key string, o outcome) {
	if o.report.Status == domain.StatusDisabled {
		return
	}
	now := state{status: o.report.Status}
	if o.report.Code != nil {
		now.code = *o.report.Code
	}
	if !l.changed(key, now) {
		return
	}
	attrs := []slog.Attr{slog.String("section", key), slog.String("status", string(now.status))}
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

func (l *statusLog) changed(key string, now state) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, seen := l.last[key]
	if !seen {
		before = state{status: domain.StatusOK}
	}
	l.last[key] = now
	return before != now
}
