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
		if built != "" {
			_ = os.RemoveAll(built)
		}
		os.Exit(status)
	}))
}

// built is the folder of the service's program, if a test needed it.
var built string

var buildOnce = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "orchmetrics-perf-"); err != nil {
		return "", err
	}
	return Build(built)
})

func program(tb testing.TB) string {
	tb.Helper()
	path, err := buildOnce()
	require.NoError(tb, err)
	return path
}

// newWorld makes a world that ends with the test.
func newWorld(tb testing.TB, histories Histories, size Size, stageIndex bool) *World {
	tb.Helper()
	return newWorldOf(tb, histories, size, stageIndex, newAgents(tb))
}

// newAgents are agents that end with the test.
func newAgents(tb testing.TB) Agents {
	tb.Helper()
	agents, err := StartAgents()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, agents.Close()) })
	return agents
}

// newWorldOf makes one with these agents.
func newWorldOf(tb testing.TB, histories Histories, size Size, stageIndex bool, agents Agents) *World {
	tb.Helper()
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
