package demo

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 15 * time.Second

func testSpawner(t *testing.T) *spawner {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	s := newSpawner(self)
	t.Cleanup(s.close)
	return s
}

func awaitEnd(t *testing.T, a *agent) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		a.end()
		require.Fail(t, "the agent did not end")
	}
}

func TestAgentEndsWithItsPipe(t *testing.T) {
	s := testSpawner(t)
	for _, what := range []kind{kindBusy, kindIdle, kindWaiting, kindDying} {
		a, err := s.spawn(what, time.Hour)
		require.NoError(t, err)
		assert.False(t, a.ended())
		assert.Equal(t, sql.Null[int64]{}, a.exitCode())
		a.release()
		awaitEnd(t, a)
		assert.Equal(t, exitCode(0), a.exitCode(), "%s", what)
	}
}

func TestDyingAgentDies(t *testing.T) {
	a, err := testSpawner(t).spawn(kindDying, time.Millisecond)
	require.NoError(t, err)
	awaitEnd(t, a)
	assert.Equal(t, exitCode(1), a.exitCode())
}

func TestUnknownKindFails(t *testing.T) {
	a, err := testSpawner(t).spawn("lazy", 0)
	require.NoError(t, err)
	awaitEnd(t, a)
	assert.Equal(t, exitCode(1), a.exitCode())
}

// TestDeafAgentIsKilled ends a process that does not listen to its pipe.
func TestDeafAgentIsKilled(t *testing.T) {
	script := filepath.Join(t.TempDir(), "deaf")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	s := newSpawner(script)
	defer s.close()
	a, err := s.spawn(kindBusy, 0)
	require.NoError(t, err)
	a.end()
	assert.True(t, a.ended())
	assert.Equal(t, sql.Null[int64]{}, a.exitCode(), "killed: no exit code")
}

func TestSpawnerFails(t *testing.T) {
	s := newSpawner(filepath.Join(t.TempDir(), "nothing"))
	_, err := s.spawn(kindBusy, 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	s.close()
	_, err = s.spawn(kindBusy, 0)
	require.ErrorIs(t, err, errSpawnerClosed)
}
