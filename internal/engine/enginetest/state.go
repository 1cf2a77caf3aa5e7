package enginetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

func (db Database) things(t testing.TB) {
	t.Helper()
	db.Exec(t, "CREATE TABLE things (id "+db.Types.Integer+" PRIMARY KEY, name "+db.Types.Text+")")
}

func stateChecks() []check {
	return []check{
		{"one state a view", func(t testing.TB, db Database) {
			db.things(t)
			v := db.view(t)
			assert.EqualValues(t, 0, count(t, v, "things"))
			db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
			assert.EqualValues(t, 0, count(t, v, "things"), "what is committed later does not show")
			assert.EqualValues(t, 1, db.count(t, "things"), "it does in the next view")
			assert.EqualValues(t, 0, count(t, v, "things"))
		}},
		{"views are in the order of what they see", func(t testing.TB, db Database) {
			db.things(t)
			var last uint64
			for range 5 {
				db.Exec(t, "INSERT INTO things (name) SELECT 'one' WHERE false")
				state := db.stateOf(t)
				assert.Greater(t, state.Sequence, last)
				last = state.Sequence
			}
		}},
		{"the first reading opens the view", func(t testing.TB, db Database) {
			db.things(t)
			v := db.view(t)
			db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
			assert.EqualValues(t, 1, count(t, v, "things"))
		}},
		{"readings at once take turns", func(t testing.TB, db Database) {
			db.things(t)
			db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
			v := db.view(t)
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() { assert.EqualValues(t, 1, count(t, v, "things")) })
			}
			group.Wait()
		}},
		{"a database is known again", sameDatabase},
		{"another database is another one", func(t testing.TB, db Database) {
			db.things(t)
			before := db.stateOf(t)
			db.Replace(t)
			db.things(t)
			assert.NotEqual(t, before.Database, db.stateOf(t).Database)
		}},
		{"nothing stays open", func(t testing.TB, db Database) {
			db.things(t)
			for range 10 {
				v := engine.NewView(t.Context(), db.Engine)
				count(t, v, "things")
				assert.Positive(t, db.Open(t), "while the view is open")
				v.End()
				_, err := v.Session(t.Context())
				require.Error(t, err, "a view that has ended")
			}
			eventually(t, "what is open is closed", func() bool { return db.Open(t) <= db.Idle })
		}},
	}
}

// sameDatabase expects one name for a database whatever is done in it, and another
// edition where tables or columns are others.
func sameDatabase(t testing.TB, db Database) {
	db.things(t)
	look := func() (state engine.State) { // with a look at the table, as a store does
		db.in(t, func(s *engine.Session) {
			_, err := s.Dialect().Table(s, "things")
			require.NoError(t, err)
			state = s.State
		})
		return state
	}
	look()
	first := look()
	assert.False(t, first.Doubtful)
	db.Exec(t, "INSERT INTO things VALUES (1, 'one')")
	second := look()
	assert.Equal(t, first.Database, second.Database)
	assert.False(t, second.Doubtful, "work is no reason to doubt")
	for _, change := range []string{
		"ALTER TABLE things ADD COLUMN more " + db.Types.Integer,
		"ALTER TABLE things RENAME COLUMN more TO less",
		"CREATE INDEX things_name ON things (name)",
		"DROP INDEX things_name",
		"ALTER TABLE things DROP COLUMN less",
		"ALTER TABLE things RENAME TO others",
	} {
		db.Exec(t, change)
		state := look()
		assert.Equal(t, first.Database, state.Database, change)
		assert.True(t, state.Edition == "" || state.Edition != second.Edition, change)
		second = state
	}
}
