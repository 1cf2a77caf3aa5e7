package guard

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestConnections_HalfOfTheFiles: the rest is for the database and /proc.
func TestConnections_HalfOfTheFiles(t *testing.T) {
	var files unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &files))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &files)) }()
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: files.Max}))
	assert.Equal(t, 512, affordable(2048))
	assert.Equal(t, 64, affordable(64))
	assert.Equal(t, 1, affordable(0))
}
