package dropin_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/domain"
)

// touch makes empty files.
func touch(t require.TestingT, dir string, names ...string) {
	for _, name := range names {
		file, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
}

// TestSections_Leftovers: however many names there are that are no sections, those
// that are ones are found.
func TestSections_Leftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 12_000 {
		touch(t, dir, fmt.Sprintf("%05d.json.tmp", i))
	}
	touch(t, dir, "gpu.json", "disks.json", ".new.json")
	assert.Equal(t, []string{"disks", "gpu"}, keys(t, dir))
	leftovers, err := dropin.New(dir).Leftovers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 12_001, leftovers)
}

// TestSections_RefusedTakeNoPlace: names that are no key are told of, as far as there
// is room for them, and take none from sections.
func TestSections_RefusedTakeNoPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 64 {
		touch(t, dir, fmt.Sprintf("s%02d.json", i))
	}
	for i := range 64 {
		touch(t, dir, fmt.Sprintf("A%02d.json", i))
	}
	listed, err := dropin.New(dir).Sections(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 128)
	assert.Equal(t, "s00", listed[0].Section.Key())
	assert.Equal(t, "s63", listed[63].Section.Key())
	assert.Equal(t, "A63", listed[127].Section.Key())

	touch(t, dir, "A64.json")
	listed, err = dropin.New(dir).Sections(t.Context())
	require.ErrorIs(t, err, domain.CodeTooMany)
	assert.Len(t, listed, 128)
}

// TestSections_AnyNames compares what is listed with what a plain sort says.
func TestSections_AnyNames(t *testing.T) {
	t.Parallel()
	all, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		dir := filepath.Join(all, strconv.Itoa(n))
		require.NoError(t, os.Mkdir(dir, 0o700))
		stems := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z_]?[a-zA-Z0-9_. -]{1,6}`), 0, 100, rapid.ID).Draw(t, "stems")
		var want, odd []string
		for _, stem := range stems {
			touch(t, dir, stem+".json")
			switch {
			case domain.WellFormed(stem):
				want = append(want, stem)
			case stem[0] != '.':
				odd = append(odd, stem)
			}
		}
		slices.Sort(want)
		slices.Sort(odd)
		cut := len(want) > 64 || len(odd) > 64
		want = append(want[:min(len(want), 64)], odd[:min(len(odd), 64)]...)
		listed, err := dropin.New(dir).Sections(context.Background())
		if cut {
			require.ErrorIs(t, err, domain.CodeTooMany)
		} else {
			require.NoError(t, err)
		}
		require.Len(t, listed, len(want))
		for i, one := range listed {
			require.Equal(t, want[i], one.Section.Key())
		}
	})
}

// TestSections_InTime: a listing ends with its context.
func TestSections_InTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	touch(t, dir, "gpu.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := dropin.New(dir).Sections(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// TestNothingWaits: what is no directory, and what is no file, is told at once, and
// nobody who waits at the other end of a FIFO is let go.
func TestNothingWaits(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sections")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo.json"), 0o600))
	touch(t, dir, "gpu.json")
	gpu, fifo := section(t, dir, "gpu"), section(t, dir, "fifo")

	done := make(chan bool)
	go func() {
		defer close(done)
		_, err := fifo.Collect(t.Context())
		assert.ErrorIs(t, err, domain.CodeFileUnreadable)
		assert.NoError(t, os.Rename(dir, dir+".away"))
		assert.NoError(t, syscall.Mkfifo(dir, 0o600))
		_, err = dropin.New(dir).Sections(t.Context())
		assert.ErrorIs(t, err, domain.CodeFileUnreadable)
		_, err = gpu.Collect(t.Context()) // of the directory that was there before
		assert.ErrorIs(t, err, domain.CodeFileUnreadable)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		require.Fail(t, "something waits for a FIFO")
	}
	for _, path := range []string{dir, filepath.Join(dir+".away", "fifo.json")} {
		_, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		require.ErrorIs(t, err, syscall.ENXIO, "nobody reads it")
	}
}
