package perf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestComplaint(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		`{"sections":{"cost":{"status":"ok","code":null}}}`:                                       nil,
		`{"agents":[{"process":{"status":"gone"}}],"sections":{"cost":{"status":"disabled"}}}`:    nil,
		`{"sections":{"cost":{"status":"ok"},"queue":{"status":"degraded","code":"db_busy"}}}`:    IncompleteError("db_busy"),
		`{"sections":{"cost":{"status":"timeout","code":"counting"},"queue":{"status":"failed"}}`: IncompleteError("counting"),
		`{"sections":{"queue":{"status":"failed"}}`:                                               IncompleteError("unknown"),
	} {
		require.Equal(t, want, complaint([]byte(answer)), answer)
	}
}
