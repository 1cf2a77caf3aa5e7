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

// Revision implements ports.Revised.
func (s *Stages) Revision(ctx context.Context) (any, bool) { return revisionOf(ctx, s.source) }

// Collect implements ports.Section.
func (s *Stages) Collect(ctx context.Context) (any, error) {
	at, err := instantOf(ctx)
	if err != nil {
		return nil, err
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
		}
	}
	return collectedList(stages, reading.Truncated, reading.Anomalies), err
}

func collectedList[T any](list []T, truncated bool, anomalies int64) ports.Collected {
	rows := int64(len(list))
	return ports.Collected{Value: list, Rows: &rows, Truncated: truncated, Anomalies: anomalies}
}

// instantOf returns generated_at.
func instantOf(ctx context.Context) (time.Time, error) {
	at, ok := ports.InstantOf(ctx)
	if !ok {
		return time.Time{}, errors.New("collect: the context has no instant")
	}
	return at.Time(), nil
}

// secondsSince counts whole seconds from then to the instant. It is not clamped:
// a negative age shows that two clocks disagree.
func secondsSince(then *time.Time, at time.Time) *int64 {
	if then == nil {
		return nil
	}
	age := at.Unix() - then.Unix()
	return &age
}
