package demo_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// wholeFamily waits until the waiting agent has its child.
func wholeFamily(t *testing.T, parent int) []process {
	t.Helper()
	var all []process
	require.Eventually(t, func() bool {
		all = family(t, parent)
		return len(ofKind(all, "busy")) >= 2 && len(ofKind(all, "waiting")) >= 1
	}, patient, often)
	return all
}

func assertAllGone(t *testing.T, processes []process) {
	t.Helper()
	for _, p := range processes {
		assert.False(t, look(p.pid).alive() && look(p.pid).kind != "", "%s agent %d lives on", p.kind, p.pid)
	}
}

func TestStopLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	o, err := demo.Start(t.Context(), demo.Options{Tick: tick})
	require.NoError(t, err)
	all := wholeFamily(t, os.Getpid())

	require.NoError(t, o.Stop())
	assertAllGone(t, all)
	assert.Empty(t, family(t, os.Getpid()))
	assertEmpty(t, tmp)
	assert.NoError(t, o.Stop(), "again")
}

func TestStopAfterTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o, err := demo.Start(ctx, demo.Options{Tick: tick})
	require.NoError(t, err)
	all := wholeFamily(t, os.Getpid())
	cancel()
	require.NoError(t, o.Stop())
	assertAllGone(t, all)
	assert.NoDirExists(t, filepath.Dir(o.DB()))
}

func TestStopKeepsAGivenDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept? 100%")
	o := start(t, demo.Options{Dir: dir})
	require.FileExists(t, o.DB()+"-wal")
	runs := number(t, reader(t, o.DB()), `SELECT count(*) FROM agent_runs`)

	require.NoError(t, o.Stop(), "with a reader that has it open")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	assert.Subset(t, names, []string{"orchestrator.db", "worker-state.json"})

	copied := filepath.Join(t.TempDir(), "copy.db")
	content, err := os.ReadFile(o.DB())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, content, 0o600))
	db := reader(t, copied)
	assert.GreaterOrEqual(t, number(t, db, `SELECT count(*) FROM agent_runs`), runs, "the file alone has it all")
	assert.Zero(t, number(t, db, `SELECT count(*) FROM jobs WHERE status = 'running' OR pid NOT NULL`))
	assert.Zero(t, number(t, db, `SELECT count(*) FROM agent_runs WHERE finished_at IS NULL`))
}

func TestStopLeavesNoLog(t *testing.T) {
	o := start(t, demo.Options{Dir: t.TempDir()})
	require.FileExists(t, o.DB()+"-wal")
	require.NoError(t, o.Stop())
	assert.FileExists(t, o.DB())
	assert.NoFileExists(t, o.DB()+"-wal")
	assert.NoFileExists(t, o.DB()+"-shm")
	assert.NoFileExists(t, o.WorkerStateFile()+".tmp")
}
