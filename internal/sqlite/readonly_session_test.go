package sqlite

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// TestSessionRefusesWrites tries everything through the session that the service
// really reads with: through GORM, and past GORM on the transaction beneath.
func TestSessionRefusesWrites(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"live", "at rest", "rollback journal"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			mode := walMode
			if state == "rollback journal" {
				mode = deleteMode
			}
			path := newDB(t, mode, script(t, "busy.sql"))
			if state == "live" {
				startWriter(t, path).run("UPDATE tasks SET repo = 'web' WHERE id = 7")
			}
			before := listing(t, filepath.Dir(path))
			e, err := New(path, time.Second)
			require.NoError(t, err)
			conn, _, err := e.Connect(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			requireNoWrite(t, conn, filepath.Dir(path))
			assert.Equal(t, before, listing(t, filepath.Dir(path)), "nothing may change, and nothing may appear")
		})
	}
}

// TestConnectorSetsItsLayers: with all of them on, none would be missed.
func TestConnectorSetsItsLayers(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	for _, param := range []string{readOnlySHM, immutable, noLock} {
		c := newConnector(path, time.Second, param)
		location, err := url.Parse(c.uri)
		require.NoError(t, err)
		assert.Equal(t, "file", location.Scheme, "without it the driver opens the file for writing")
		assert.Equal(t, "ro", location.Query().Get("mode"))
		assert.Equal(t, "1", location.Query().Get("_query_only"))
		assert.Equal(t, "1000", location.Query().Get("_busy_timeout"))
		db := sql.OpenDB(authorized(path))
		_, err = db.Exec("ATTACH ':memory:' AS other")
		require.ErrorContains(t, err, "not authorized")
		require.NoError(t, db.Close())
	}
}

func requireNoWrite(t *testing.T, conn engine.Conn, dir string) {
	t.Helper()
	session := conn.Session(t.Context())
	tx, ok := session.Statement.ConnPool.(*sql.Tx)
	require.True(t, ok)
	for name, write := range gormWrites() {
		if name != "in a transaction" { // a savepoint, which is refused before it comes to that
			require.ErrorIs(t, write(session), engine.ErrReadOnly, name)
		}
		require.Error(t, write(session), name)
	}
	statements := append(changes(), tricks(dir)...)
	for _, statement := range statements {
		require.ErrorIs(t, session.Exec(statement).Error, engine.ErrReadOnly, statement)
		var out []map[string]any
		require.Error(t, conn.Session(t.Context()).Raw(statement).Scan(&out).Error, "gorm: %s", statement)
		_, err := tx.Exec(statement)
		require.Error(t, err, "transaction: %s", statement)
		rows, err := tx.Query(statement)
		if err == nil {
			assert.False(t, rows.Next(), "transaction: %s", statement)
			err = rows.Err()
			_ = rows.Close() //nolint:sqlclosecheck // a deferred close would come after the next statement
		}
		require.Error(t, err, "transaction: %s", statement)
	}
	var tasks int64
	require.NoError(t, session.Raw("SELECT count(*) FROM tasks").Scan(&tasks).Error, "the session must still read")
	assert.EqualValues(t, 6, tasks)
}
