package portstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/ports"
)

// ViewedStore is a store whose views are to be proved.
type ViewedStore struct {
	Viewer ports.Viewer
	// Read reads something through a source of the store. Its value is compared
	// with assert.Equal.
	Read func(ctx context.Context) (any, error)
	// Change commits a change that Read shows from then on. It must work while views
	// are open.
	Change func(t testing.TB)
	// Block makes Read block until it is undone, as a lock or a slow table does, and
	// Other reads something that it leaves alone. Both are nil for a store in which no
	// reading can block by itself.
	Block func(t testing.TB) (undo func())
	Other func(ctx context.Context) (any, error)
}

// Viewer proves an adapter of ports.Viewer.
func Viewer(t *testing.T, open func(testing.TB) ViewedStore) {
	t.Helper()
	run(t, viewerChecks(), func(t testing.TB, _ Data) ViewedStore { return open(t) })
}

type markKey struct{}

func viewerChecks() []check[ViewedStore] {
	checks := []check[ViewedStore]{}
	add := func(name string, run func(testing.TB, ViewedStore)) {
		checks = append(checks, check[ViewedStore]{name: name, run: run})
	}
	add("a view shows one state", func(t testing.TB, s ViewedStore) {
		view, end := s.Viewer.View(t.Context())
		defer end()
		before := s.read(t, view)
		s.Change(t)
		assert.Equal(t, before, s.read(t, view), "the change must not show in a view that is open")
		assert.NotEqual(t, before, s.read(t, t.Context()), "a reading without a view must show the change")
		assert.Equal(t, before, s.read(t, view), "a reading without a view must not move one that is open")
	})
	add("the next view shows the next state", func(t testing.TB, s ViewedStore) {
		view, end := s.Viewer.View(t.Context())
		before := s.read(t, view)
		end()
		s.Change(t)
		next, end := s.Viewer.View(t.Context())
		defer end()
		assert.NotEqual(t, before, s.read(t, next))
		assert.Equal(t, s.read(t, t.Context()), s.read(t, next))
	})
	add("the first reading opens the view", func(t testing.TB, s ViewedStore) {
		view, end := s.Viewer.View(t.Context())
		defer end()
		s.Change(t)
		assert.Equal(t, s.read(t, t.Context()), s.read(t, view))
	})
	add("views do not know each other", func(t testing.TB, s ViewedStore) {
		first, endFirst := s.Viewer.View(t.Context())
		old := s.read(t, first)
		s.Change(t)
		second, endSecond := s.Viewer.View(t.Context())
		defer endSecond()
		fresh := s.read(t, second)
		assert.NotEqual(t, old, fresh)
		assert.Equal(t, old, s.read(t, first))
		endFirst()
		assert.Equal(t, fresh, s.read(t, second), "the end of one view must not end another")
	})
	add("readings after the end fail", func(t testing.TB, s ViewedStore) {
		view, end := s.Viewer.View(t.Context())
		s.read(t, view)
		end()
		returnsSoon(t, func() {
			_, err := s.Read(view)
			assert.Error(t, err)
		})
		unread, end := s.Viewer.View(t.Context())
		end()
		_, err := s.Read(unread)
		require.Error(t, err, "also in a view that was never read")
	})
	add("the context stays what it was", func(t testing.TB, s ViewedStore) {
		ctx, cancel := context.WithDeadline(context.WithValue(t.Context(), markKey{}, "kept"), time.Now().Add(time.Hour))
		defer cancel()
		view, end := s.Viewer.View(ctx)
		defer end()
		want, _ := ctx.Deadline()
		got, ok := view.Deadline()
		assert.True(t, ok)
		assert.Equal(t, want, got)
		assert.Equal(t, "kept", view.Value(markKey{}))
		cancel()
		assert.Error(t, view.Err())
	})
	add("a reading whose context has ended leaves the view as it is", func(t testing.TB, s ViewedStore) {
		for range 10 {
			view, end := s.Viewer.View(t.Context())
			ended, cancel := context.WithCancel(view)
			cancel()
			returnsSoon(t, func() { _, _ = s.Read(ended) })
			s.read(t, view)
			end()
		}
	})
	add("a reading that blocks takes no other with it", blockedReading)
	add("concurrent use", concurrentViews)
	add("the end does not wait", endWhileReading)
	return checks
}

// read expects a reading to succeed.
func (s ViewedStore) read(t testing.TB, ctx context.Context) any { //nolint:revive // the test comes first
	t.Helper()
	value, err := s.Read(ctx)
	require.NoError(t, err)
	return value
}

// blockedReading reads what is blocked before what is not, in a view that is open already
// and in one that is not.
func blockedReading(t testing.TB, s ViewedStore) {
	if s.Block == nil {
		view, end := s.Viewer.View(t.Context())
		defer end()
		s.read(t, view)
		return
	}
	want, err := s.Other(t.Context())
	require.NoError(t, err)
	undo := s.Block(t)
	for _, opened := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), patience(t)/2)
		view, end := s.Viewer.View(ctx)
		if opened {
			_, err = s.Other(view)
			require.NoError(t, err)
		}
		_, err = s.Read(view)
		require.Error(t, err, "the reading must give up")
		require.NoError(t, ctx.Err(), "it must do so before all of the time is gone")
		got, err := s.Other(view)
		require.NoError(t, err, "the other reading of the view must go on")
		require.Empty(t, cmp.Diff(want, got))
		end()
		cancel()
	}
	undo()
	s.read(t, t.Context())
}

// concurrentViews reads in several goroutines, which share views in pairs.
func concurrentViews(t testing.TB, s ViewedStore) {
	want := s.read(t, t.Context())
	atOnce(func() {
		view, end := s.Viewer.View(t.Context())
		defer end()
		var pair sync.WaitGroup
		for range 2 {
			pair.Go(func() {
				got, err := s.Read(view)
				assert.NoError(t, err) //nolint:testifylint // require must not run beside the test
				assert.Equal(t, want, got)
			})
		}
		pair.Wait()
	})
}

// endWhileReading ends views in the middle of readings: each of those may still
// succeed or not, but none may be wrong or come back late.
func endWhileReading(t testing.TB, s ViewedStore) {
	want := s.read(t, t.Context())
	for range callers {
		view, end := s.Viewer.View(t.Context())
		begun := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			close(begun)
			for t.Context().Err() == nil {
				got, err := s.Read(view)
				if err != nil {
					return
				}
				assert.Equal(t, want, got)
			}
		}()
		<-begun
		returnsSoon(t, end)
		returnsSoon(t, func() { <-ended })
	}
}
