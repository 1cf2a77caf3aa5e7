package sqlstore

import (
	"context"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// StatusCounts implements ports.QueueSource. A job whose status is not text is
// an anomaly and counted nowhere.
func (s *Store) StatusCounts(ctx context.Context) (ports.Reading[domain.StatusCounts], error) {
	return read(ctx, s, func(ses *session) (ports.Reading[domain.StatusCounts], error) {
		jobs, err := ses.columns("jobs", "j", "status")
		if err != nil {
			return ports.Reading[domain.StatusCounts]{}, err
		}
		query := fmt.Sprintf("SELECT %s, count(*) FROM jobs j GROUP BY j.status ORDER BY j.status LIMIT ?", jobs.textOf("status"))
		groups, err := list(ses, query, scanStatusCount)
		if err != nil {
			return ports.Reading[domain.StatusCounts]{}, err
		}
		reading := ports.Reading[domain.StatusCounts]{Value: domain.NewStatusCounts(), Truncated: groups.Truncated}
		for _, group := range groups.Value {
			if group.status == nil {
				reading.Anomalies += group.jobs
				continue
			}
			reading.Value[*group.status] += group.jobs
		}
		return reading, nil
	})
}

type statusCount struct {
	status *string
	jobs   int64
}

func scanStatusCount(row *cells) statusCount {
	return statusCount{status: row.text(), jobs: row.number()}
}

// Retries implements ports.QueueSource.
func (s *Store) Retries(ctx context.Context) (ports.Reading[*domain.Retries], error) {
	return read(ctx, s, func(ses *session) (ports.Reading[*domain.Retries], error) {
		jobs, err := ses.columns("jobs", "j")
		if err != nil {
			return ports.Reading[*domain.Retries]{}, err
		}
		attempts := jobs.ref("attempts")
		if drift := jobs.drift(); drift != nil {
			return ports.Reading[*domain.Retries]{}, drift
		}
		query := fmt.Sprintf(`SELECT coalesce(sum(n > 1), 0), coalesce(sum(max(n - 1, 0)), 0), coalesce(max(n), 0), coalesce(sum(strange), 0)
			FROM (SELECT CASE typeof(%[1]s) WHEN 'integer' THEN %[1]s ELSE 0 END AS n, %[2]s AS strange FROM jobs j)`,
			attempts, notOneOf(attempts, "integer"))
		return summed(ses, query, scanRetries)
	})
}

func scanRetries(row *cells) domain.Retries {
	return domain.Retries{RetriedJobs: row.number(), RetriesTotal: row.number(), MaxAttemptsSeen: row.number()}
}

// summed reads a row of sums whose last column is the number of anomalies.
func summed[T any](s *session, query string, scan func(*cells) T) (ports.Reading[*T], error) {
	type sums struct {
		value     T
		anomalies int64
	}
	row, err := one(s, query, func(row *cells) sums {
		value := scan(row)
		return sums{value: value, anomalies: row.number()}
	})
	if err != nil {
		return ports.Reading[*T]{}, err
	}
	return ports.Reading[*T]{Value: &row.Value.value, Anomalies: row.Value.anomalies + row.Anomalies}, nil
}
