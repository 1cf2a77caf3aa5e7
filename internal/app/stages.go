package app

import (
	"context"
	"errors"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Stages is the section of active tasks.
type Stages struct {
	source ports.StageSource
}

// NewStages returns the section over its source.
func NewStages(source ports.StageSource) *Stages { return &Stages{source: source} }

// Key implements ports.Section.
func (*Stages) Key() string { return domain.KeyStages }

// Default implements ports.Section.
func (*Stages) Default() any { return []domain.Stage{} }

// Collect implements ports.Section.
func (s *Stages) Collect(ctx context.Context) (any, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return nil, errNoInstant
	}
	reading, err := s.source.ActiveTasks(ctx)
	if err != nil && reading.Value == nil {
		return nil, err
	}
	stages := make([]domain.Stage, len(reading.Value))
	for i, task := range reading.Value {
		stages[i] = domain.Stage{
			WorkItem:    task.WorkItem,
			Stage:       task.Stage,
			AgeInStageS: secondsSince(task.StageSince, at),
			Repo:        task.Repo,
			TaskID:      task.ID,
			TaskRef:     task.Ref,
		}
	}
	return ports.Collected{Value: stages, Rows: new(int64(len(stages))), Truncated: reading.Truncated, Anomalies: reading.Anomalies}, err
}

var errNoInstant = errors.New("collect: the context has no instant")

// secondsSince counts whole seconds from then to the instant. It is not clamped:
// a negative age shows that two clocks disagree.
func secondsSince(then *time.Time, at domain.Instant) *int64 {
	if then == nil {
		return nil
	}
	return new(at.Time().Unix() - then.Unix())
}
