package sqlstore

import (
	"context"
	"fmt"
)

// AtLeast tells whether a table that scrapes read has so many rows. It reads no more
// of them than that. The error wraps a domain.Code.
func (s *Store) AtLeast(ctx context.Context, table string, rows int64) (bool, error) {
	return read(ctx, s, func(q *queries) (bool, error) {
		var found int64
		counted := q.Query(fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT ?) counted", table), rows)
		for counted.Next() {
			found = counted.Count()
		}
		return found >= rows, counted.Close()
	})
}
