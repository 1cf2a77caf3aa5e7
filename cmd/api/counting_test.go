package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
)

// TestCounted_WaitsForTheFirstCount: one snapshot is all that a command prints,
// so it is taken when the history has been summed.
func TestCounted_WaitsForTheFirstCount(t *testing.T) {
	t.Parallel()
	code := domain.CodeCounting
	counting := domain.Envelope{Sections: map[string]domain.SectionReport{"queue": {Status: domain.StatusFailed, Code: &code}}}
	done := domain.Envelope{Sections: map[string]domain.SectionReport{"queue": {Status: domain.StatusOK}}}

	snapshots := mocks.NewSnapshotter(t)
	snapshots.EXPECT().Snapshot(mock.Anything, "queue").Return(counting, nil).Times(2)
	snapshots.EXPECT().Snapshot(mock.Anything, "queue").Return(done, nil).Once()
	envelope, err := counted(t.Context(), snapshots, []string{"queue"}, new(progress))
	require.NoError(t, err)
	assert.Equal(t, done, envelope)

	never := mocks.NewSnapshotter(t)
	never.EXPECT().Snapshot(mock.Anything).Return(counting, nil)
	envelope, err = counted(t.Context(), never, nil, new(progress))
	require.NoError(t, err)
	assert.Equal(t, counting, envelope, "it does not wait for ever")
}
