package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUnknownSettings_ToldOnce: at the start, by name and never by value, whether
// they are in the environment or in .env.
func TestUnknownSettings_ToldOnce(t *testing.T) {
	isolated(t)
	t.Setenv("ORCH_LISTN", "hunter2")
	t.Setenv("ORCH_METRIC_ENABLED", "") // restored at the end
	require.NoError(t, os.Unsetenv("ORCH_METRIC_ENABLED"))
	require.NoError(t, os.WriteFile(".env", []byte("ORCH_METRIC_ENABLED=hunter2\n"), 0o600))
	status, stdout, stderr := call(t, "snapshot", "--sections-disabled=stages,queue,agents,cost")
	assert.Equal(t, exitOK, status)
	assert.Contains(t, stderr, `names="[ORCH_LISTN (did you mean ORCH_LISTEN?) ORCH_METRIC_ENABLED (did you mean ORCH_METRICS_ENABLED?)]"`)
	assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	assert.NotContains(t, stdout+stderr, "hunter2")

	_, _, stderr = call(t, "version")
	assert.Empty(t, stderr, "what needs no setting complains of none")
}

// TestDotEnv_MalformedShowsNothing: it may hold secrets.
func TestDotEnv_MalformedShowsNothing(t *testing.T) {
	isolated(t)
	for _, text := range []string{"TOKEN='hunter2\n", "hunter2\n", "TOKEN=\"hunter2"} {
		require.NoError(t, os.WriteFile(".env", []byte(text), 0o600))
		status, _, stderr := call(t, "snapshot")
		assert.Equal(t, exitFailed, status, text)
		assert.NotContains(t, stderr, "hunter2")
	}
}
