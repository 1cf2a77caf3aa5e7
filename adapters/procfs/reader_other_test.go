//go:build !linux

package procfs

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestUnsupportedPlatform(t *testing.T) {
	reader := New("/proc")
	assert.Nil(t, reader.ClockTicks())
	assert.Nil(t, NewClock("/proc").Now().BoottimeMS)
	samples, err := reader.Sample(t.Context(), []int64{1, 0})
	require.NoError(t, err)
	require.Len(t, samples, 2)
	assert.Nil(t, samples[0].CPUTicks)
	assert.Equal(t, &domain.Process{Status: domain.ProcessUnsupported}, samples[0].Process)
	assert.Equal(t, domain.ProcessGone, samples[1].Process.Status)
}

func TestUnsupportedPlatformEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	samples, err := New("/proc").Sample(ctx, []int64{1})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, samples, 1)
	assert.Zero(t, samples[0])
}
