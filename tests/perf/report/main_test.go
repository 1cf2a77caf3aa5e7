package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

func TestMain(m *testing.M) {
	if perf.RunRole() {
		return
	}
	os.Exit(m.Run())
}

// TestReport takes every measure of a tiny plan. What comes out means nothing,
// that it comes out is the test.
func TestReport(t *testing.T) {
	histories := perf.Histories{Dir: t.TempDir(), Schema: filepath.Join("..", "..", "testdata", "schema.sql")}
	l := newLab(tiny, histories, func(what string) { t.Log(what) })
	require.NoError(t, l.open())
	rows, err := l.measure()
	require.NoError(t, err)
	require.NoError(t, l.close())
	assert.NoDirExists(t, l.dir)
	assert.Contains(t, []int{22, 27}, len(rows), "all measures; those of PostgreSQL are five, or a line that says why not")

	path := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, write(path, tiny, thisMachine(), rows))
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, nonsense := range []string{"NaN", "Inf", "<no value>", "unknown"} {
		assert.NotContains(t, string(document), nonsense)
	}
	t.Logf("%s", document)
}
