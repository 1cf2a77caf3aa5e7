package perf

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if RunRole() {
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
		os.Exit(status)
	}))
}

// built is the service's program, if a test needed it.
var built struct {
	once      sync.Once
	dir, path string
	err       error
}

func program(tb testing.TB) string {
	tb.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "orchmetrics-perf-"); built.err == nil {
			built.path, built.err = Build(built.dir)
		}
	})
	require.NoError(tb, built.err)
	return built.path
}

// newWorld makes a world that ends with the test.
func newWorld(tb testing.TB, histories Histories, size Size, stageIndex bool) *World {
	tb.Helper()
	agents, err := StartAgents()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, agents.Close()) })
	world, err := NewWorld(histories, histories.Dir, size, stageIndex, agents)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, world.Close()) })
	return world
}

// small are histories that are gone with the test.
func small(tb testing.TB) Histories {
	tb.Helper()
	return Histories{Dir: tb.TempDir(), Schema: filepath.Join("..", "testdata", "schema.sql")}
}
