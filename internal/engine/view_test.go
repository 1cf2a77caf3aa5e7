package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// counted is an engine that only counts what is open.
type counted struct {
	engine.Engine

	open atomic.Int32
	// state is what each connection sees.
	state engine.State
}

func (e *counted) Connect(context.Context) (engine.Conn, engine.State, error) {
	e.open.Add(1)
	return &counting{engine: e}, e.state, nil
}

func (*counted) Code(error) domain.Code { return "" }

type counting struct {
	engine.Conn

	engine *counted
}

func (c *counting) Session(context.Context) *gorm.DB { return nil }

func (c *counting) Close() { c.engine.open.Add(-1) }

// TestViewEndsWhileTheTurnChanges: whoever gives the turn back last closes the connection.
func TestViewEndsWhileTheTurnChanges(t *testing.T) {
	t.Parallel()
	e := &counted{}
	for range 3_000 {
		v := engine.NewView(t.Context(), e)
		first, err := v.Session(t.Context())
		require.NoError(t, err)
		var readings sync.WaitGroup
		for range 2 { // that wait for their turn
			readings.Go(func() {
				if s, err := v.Session(t.Context()); err == nil {
					s.End()
				}
			})
		}
		readings.Go(first.End)
		readings.Go(v.End)
		readings.Wait()
		require.Zero(t, e.open.Load())
	}
}

// TestYieldAfterAnother: a reading has a slice of its own, on whichever connection.
func TestYieldAfterAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := engine.NewView(t.Context(), &counted{state: engine.State{Blocking: true}})
		defer v.End()
		first, err := v.Session(t.Context())
		require.NoError(t, err)
		var paused time.Duration
		var failed error
		var second sync.WaitGroup
		second.Go(func() {
			s, err := v.Session(t.Context())
			if failed = err; err != nil {
				return
			}
			defer s.End()
			began := time.Now()
			failed = s.Yield(t.Context())
			paused = time.Since(began)
		})
		time.Sleep(engine.Slice)
		synctest.Wait()
		require.NoError(t, first.Yield(t.Context()))
		first.End()
		second.Wait()
		require.NoError(t, failed)
		require.Zero(t, paused, "it paused before it had read anything")
	})
}
