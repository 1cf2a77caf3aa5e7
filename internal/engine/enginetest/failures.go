package enginetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// slow is a statement that does not end by itself.
const slow = `WITH RECURSIVE n(x) AS (SELECT cast(1 AS bigint) UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000) SELECT max(x) FROM n`

// query runs a statement in a view, in so much time.
func query(ctx context.Context, v *engine.View, statement string) error {
	s, err := v.Session(ctx)
	if err != nil {
		return err
	}
	defer s.End()
	rows := s.Query(statement)
	for rows.Next() {
		_ = rows.Rest()
	}
	return s.Check(rows.Close())
}

func timeChecks() []check {
	return []check{
		{"a slow reading ends in time, and takes no other with it", func(t testing.TB, db Database) {
			db.things(t)
			v := db.view(t)
			assert.EqualValues(t, 0, count(t, v, "things"))
			db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
			ctx := timed(t, time.Second)
			require.ErrorIs(t, query(ctx, v, slow), domain.CodeTimeout)
			require.NoError(t, ctx.Err(), "it has half of the time")
			assert.EqualValues(t, 0, count(t, v, "things"), "the same state as before")
		}},
		{"a locked table costs who reads it", func(t testing.TB, db Database) {
			if db.Lock == nil {
				return
			}
			db.things(t)
			db.Exec(t, "CREATE TABLE others (id integer)", "INSERT INTO others VALUES (1)")
			undo := db.Lock(t, "things")
			for _, opened := range []bool{false, true} {
				v := db.view(t)
				if opened {
					assert.EqualValues(t, 1, count(t, v, "others"))
				}
				ctx := timed(t, 2*time.Second)
				require.ErrorIs(t, query(ctx, v, "SELECT id FROM things"), db.Busy)
				require.NoError(t, ctx.Err(), "it leaves time to the others")
				assert.EqualValues(t, 1, count(t, v, "others"))
				v.End()
			}
			undo()
			assert.EqualValues(t, 0, db.count(t, "things"))
		}},
		{"the end of a view interrupts its reading", func(t testing.TB, db Database) {
			v := db.view(t)
			failure := make(chan error, 1)
			go func() { failure <- query(timed(t, plenty), v, slow) }()
			eventually(t, "the reading is under way", func() bool { return db.Open(t) > 0 })
			time.Sleep(20 * time.Millisecond)
			v.End()
			select {
			case err := <-failure:
				require.ErrorIs(t, err, domain.CodeTimeout)
			case <-time.After(patient):
				require.FailNow(t, "the reading goes on")
			}
			eventually(t, "what is open is closed", func() bool { return db.Open(t) <= db.Idle })
		}},
		{"a context that has ended says nothing of the database", func(t testing.TB, db Database) {
			db.things(t)
			for range 10 {
				v := db.view(t)
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if err := query(ended, v, "SELECT id FROM things"); err != nil {
					require.ErrorIs(t, err, domain.CodeTimeout)
				}
				assert.EqualValues(t, 0, count(t, v, "things"))
				v.End()
			}
		}},
	}
}

func failureChecks() []check {
	return []check{
		{"a database that is not there", func(t testing.TB, db Database) {
			for range 2 {
				v := engine.NewView(t.Context(), db.Absent)
				require.ErrorIs(t, query(timed(t, patient), v, "SELECT 1"), db.Missing)
				require.ErrorIs(t, query(timed(t, patient), v, "SELECT 1"), db.Missing, "the other readings say so, too")
				v.End()
			}
		}},
		{"a statement that fails costs itself, and has a code", func(t testing.TB, db Database) {
			db.things(t)
			db.Exec(t, "INSERT INTO things VALUES (9223372036854775807, 'most'), (9223372036854775806, 'nearly')")
			v := db.view(t)
			for statement, code := range map[string]domain.Code{
				"SELECT id FROM absent":   domain.CodeSchemaDrift,
				"SELECT gone FROM things": domain.CodeSchemaDrift,
				"SELECT " + db.Engine.Dialect().Sum(engine.Column{Name: "things.id", Type: engine.Integer}, "things.id") + " FROM things": domain.CodeInvalidValue,
			} {
				in(t, v, func(s *engine.Session) {
					rows := s.Query(statement)
					for rows.Next() {
						_ = rows.Rest()
					}
					require.ErrorIs(t, rows.Close(), code, statement)
					assert.EqualValues(t, 2, number(t, s, "SELECT count(*) FROM things"), "the reading goes on")
				})
				assert.EqualValues(t, 2, count(t, v, "things"), "and so do the others")
			}
		}},
	}
}
