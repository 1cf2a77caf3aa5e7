package sqlstore

import (
	"maps"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// owned is a copy of a reading that shares nothing with it, since callers own
// what they get. Lists are copied column by column, not cell by cell.
func owned[T any](reading ports.Reading[T]) ports.Reading[T] {
	reading.CountedAt = clone(reading.CountedAt)
	switch value := any(&reading.Value).(type) {
	case *[]domain.Task:
		*value = ownTasks(*value)
	case *[]domain.RunningJob:
		*value = ownJobs(*value)
	case *domain.StatusCounts:
		*value = maps.Clone(*value)
	case **domain.Retries:
		*value = clone(*value)
	case **domain.CostTotals:
		*value = ownTotals(*value)
	}
	return reading
}

func ownTasks(tasks []domain.Task) []domain.Task {
	tasks = slices.Clone(tasks)
	texts := make([]string, 2*len(tasks))
	times := make([]time.Time, len(tasks))
	for i := range tasks {
		own(&tasks[i].WorkItem, &texts[2*i])
		own(&tasks[i].Repo, &texts[2*i+1])
		own(&tasks[i].StageSince, &times[i])
	}
	return tasks
}

func ownJobs(jobs []domain.RunningJob) []domain.RunningJob {
	jobs = slices.Clone(jobs)
	texts := make([][4]string, len(jobs))
	integers := make([][6]int64, len(jobs))
	times := make([]time.Time, len(jobs))
	costs := make([]float64, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		for k, field := range []**string{&j.Agent, &j.Repo, &j.Model, &j.Effort} {
			own(field, &texts[i][k])
		}
		for k, field := range []**int64{
			&j.RunID, &j.PID, &j.InputTokens, &j.OutputTokens, &j.CacheReadTokens, &j.CacheCreationTokens,
		} {
			own(field, &integers[i][k])
		}
		own(&j.StartedAt, &times[i])
		own(&j.CostUSD, &costs[i])
	}
	return jobs
}

func ownTotals(totals *domain.CostTotals) *domain.CostTotals {
	totals = clone(totals)
	if totals != nil {
		totals.CostUSD = clone(totals.CostUSD)
		for _, field := range []**int64{
			&totals.InputTokens, &totals.OutputTokens, &totals.CacheReadTokens, &totals.CacheCreationTokens,
		} {
			*field = clone(*field)
		}
	}
	return totals
}

// own moves what a field points to into a place of its own.
func own[T any](field **T, place *T) {
	if *field != nil {
		*place = **field
		*field = place
	}
}

func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	return new(*value)
}
