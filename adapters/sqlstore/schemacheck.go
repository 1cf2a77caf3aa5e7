package sqlstore

import (
	"context"
	"fmt"
)

// Survey compares the database with what scrapes read of it. The error wraps a
// domain.Code.
func (s *Store) Survey(ctx context.Context) ([]Table, error) {
	return read(ctx, s, func(q *queries) ([]Table, error) {
		tables := Expected()
		for i := range tables {
			t, found := &tables[i], q.tables[tables[i].Name]
			if found.err != nil {
				return nil, found.err
			}
			t.Found, t.Keyed, t.View = found.Columns != nil, found.Keyed, found.View
			for i, column := range t.Columns {
				t.Columns[i].Found = found.Columns[column.Name]
			}
			if t.Index != nil {
				t.Index.Found = found.index != ""
			}
		}
		return tables, nil
	})
}

// AtLeast tells whether a table that scrapes read has so many rows. It reads no more
// of them than that. The error wraps a domain.Code.
func (s *Store) AtLeast(ctx context.Context, table string, rows int64) (bool, error) {
	return read(ctx, s, func(q *queries) (bool, error) {
		var found int64
		counted := q.Query(fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT ?) counted", table), rows)
		for counted.Next() {
			counted.Scan(&found)
		}
		return found >= rows, counted.Close()
	})
}
