package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestPlaceAndMode(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode)
	store, err := New(path, time.Second)
	require.NoError(t, err)
	place, err := store.Place()
	require.NoError(t, err)
	assert.False(t, place.Live)
	assert.Equal(t, uint32(os.Geteuid()), place.Owner.UID)
	assert.Empty(t, place.Sidecars)
	assert.True(t, place.Writable)
	wal, err := store.WAL(t.Context())
	require.NoError(t, err)
	assert.True(t, wal)

	writer := startWriter(t, path)
	writer.run("INSERT INTO tasks (stage) VALUES ('s')")
	place, err = store.Place()
	require.NoError(t, err)
	assert.True(t, place.Live)
	assert.Len(t, place.Sidecars, 2)
	wal, err = store.WAL(t.Context())
	require.NoError(t, err)
	assert.True(t, wal)
	writer.stop()

	journal := newDB(t, deleteMode)
	store, err = New(journal, time.Second)
	require.NoError(t, err)
	wal, err = store.WAL(t.Context())
	require.NoError(t, err)
	assert.False(t, wal)

	missing, err := New(filepath.Join(t.TempDir(), "no", "orch.db"), time.Second)
	require.NoError(t, err)
	place, err = missing.Place()
	require.ErrorIs(t, err, domain.CodeDBMissing)
	assert.Nil(t, place.Owner)
	assert.False(t, place.Writable)
	_, err = missing.WAL(t.Context())
	require.ErrorIs(t, err, domain.CodeDBMissing)
}
