package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// counted is an engine that only counts what is open.
type counted struct {
	engine.Engine

	open atomic.Int32
}

func (e *counted) Connect(context.Context) (engine.Conn, engine.State, error) {
	e.open.Add(1)
	return &counting{engine: e}, engine.State{}, nil
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
