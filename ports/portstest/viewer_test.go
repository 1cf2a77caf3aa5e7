package portstest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// viewedMemory is a store that gets one more task with each change.
func viewedMemory(m *memory, viewer ports.Viewer) ViewedStore {
	return ViewedStore{
		Viewer: viewer,
		Read:   func(ctx context.Context) (any, error) { return m.ActiveTasks(ctx) },
		Change: func(testing.TB) {
			data := *m.data.Load()
			data.Tasks = append([]domain.Task{{ID: int64(len(data.Tasks) + 100), Stage: "new"}}, data.Tasks...)
			m.data.Store(&data)
		},
	}
}

func TestMemoryViewsPass(t *testing.T) {
	t.Parallel()
	Viewer(t, func(testing.TB) ViewedStore {
		m := newMemory(busy())
		return viewedMemory(m, m)
	})
}

// viewFunc is a viewer that is a function.
type viewFunc func(context.Context) (context.Context, func())

func (f viewFunc) View(ctx context.Context) (context.Context, func()) { return f(ctx) }

func TestViewerFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(name, check string, view func(*memory) viewFunc) fault[ViewedStore] {
		return fault[ViewedStore]{name: name, check: check, open: func(testing.TB, Data) ViewedStore {
			m := newMemory(busy())
			return viewedMemory(m, view(m))
		}}
	}
	requireCaught(t, viewerChecks(), []fault[ViewedStore]{
		broken("no view at all", "a view shows one state", func(*memory) viewFunc {
			return func(ctx context.Context) (context.Context, func()) { return ctx, func() {} }
		}),
		broken("opened too early", "the first reading opens the view", func(m *memory) viewFunc {
			return func(ctx context.Context) (context.Context, func()) {
				view, end := m.View(ctx)
				_, _ = m.ActiveTasks(view)
				return view, end
			}
		}),
		broken("never ended", "readings after the end fail", func(m *memory) viewFunc {
			return func(ctx context.Context) (context.Context, func()) {
				view, _ := m.View(ctx)
				return view, func() {}
			}
		}),
		broken("one view for all", "the next view shows the next state", func(m *memory) viewFunc {
			view, _ := m.View(t.Context())
			return func(context.Context) (context.Context, func()) { return view, func() {} }
		}),
		broken("a context of its own", "the context stays what it was", func(m *memory) viewFunc {
			return func(context.Context) (context.Context, func()) { return m.View(t.Context()) }
		}),
	})
	requireCaught(t, viewerChecks(), []fault[ViewedStore]{{"an end that waits", patientStore, "the end does not wait"}})
	requireCaught(t, viewerChecks(), []fault[ViewedStore]{
		{"one that waits for ever", blockable(func(ctx context.Context, _ bool) error { <-ctx.Done(); return ctx.Err() }), blocked},
		{"one that says nothing", blockable(func(context.Context, bool) error { return nil }), blocked},
		{"one that breaks the view", blockable(func(context.Context, bool) error { return errors.New("aborted") }), blocked},
	})
	var poisoned sync.Map
	requireCaught(t, viewerChecks(), []fault[ViewedStore]{{
		"a view that remembers another's end", func(testing.TB, Data) ViewedStore {
			m := newMemory(busy())
			s := viewedMemory(m, m)
			read := s.Read
			s.Read = func(ctx context.Context) (any, error) {
				view := ctx.Value(memoryKey{m})
				if _, ok := poisoned.Load(view); ok {
					return nil, errors.New("cannot open")
				}
				if ctx.Err() != nil {
					poisoned.Store(view, true)
				}
				return read(ctx)
			}
			return s
		}, "a reading whose context has ended leaves the view as it is",
	}})
}

const blocked = "a reading that blocks takes no other with it"

// blockable is a store of which Read fails, while it is blocked, as a function says; so
// does what is read of the view after it.
func blockable(fail func(ctx context.Context, other bool) error) func(testing.TB, Data) ViewedStore {
	return func(testing.TB, Data) ViewedStore {
		m := newMemory(busy())
		s := viewedMemory(m, m)
		var isBlocked, broken atomic.Bool
		read := s.Read
		s.Read = func(ctx context.Context) (any, error) {
			if isBlocked.Load() {
				broken.Store(true)
				if err := fail(ctx, false); err != nil {
					return nil, err
				}
			}
			return read(ctx)
		}
		s.Other = func(ctx context.Context) (any, error) {
			if broken.Load() {
				if err := fail(ctx, true); err != nil {
					return nil, err
				}
			}
			return m.CostTotals(ctx)
		}
		s.Block = func(testing.TB) func() {
			isBlocked.Store(true)
			return func() { isBlocked.Store(false); broken.Store(false) }
		}
		return s
	}
}

// TestBlockedReadingPasses: a reading that gives up by itself, and harms nobody.
func TestBlockedReadingPasses(t *testing.T) {
	t.Parallel()
	Viewer(t, func(t testing.TB) ViewedStore {
		return blockable(func(_ context.Context, other bool) error {
			if other {
				return nil
			}
			return domain.CodeDBBusy
		})(t, Data{})
	})
}

// patientStore ends a view only when nobody reads it any more.
func patientStore(testing.TB, Data) ViewedStore {
	m := newMemory(busy())
	var reads atomic.Int64
	s := viewedMemory(m, viewFunc(func(ctx context.Context) (context.Context, func()) {
		view, end := m.View(ctx)
		return view, func() {
			for last := int64(-1); last != reads.Load() && view.Err() == nil; time.Sleep(10 * time.Millisecond) {
				last = reads.Load()
			}
			end()
		}
	}))
	read := s.Read
	s.Read = func(ctx context.Context) (any, error) {
		reads.Add(1)
		return read(ctx)
	}
	return s
}
