package tests

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// counter counts how often its store is scraped.
type counter struct {
	ports.StageSource

	scrapes atomic.Int64
}

func (c *counter) ActiveTasks(ctx context.Context) (ports.Reading[[]domain.Task], error) {
	c.scrapes.Add(1)
	return c.StageSource.ActiveTasks(ctx)
}

// TestCrowd: however many readers there are, in whatever form they ask, and however
// fast: sixty scrapes a second, and everybody is answered.
func TestCrowd(t *testing.T) {
	t.Parallel()
	src := fixture.Sources{}.Ports()
	count := &counter{StageSource: src.Stages}
	src.Stages = count
	handler := handlerOver(t, src)
	began := time.Now()
	for range 30 {
		ask(t, handler, "/metrics")
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			for range 5 {
				ask(t, handler, "/metrics")
				assert.Equal(t, 200, answer(t, handler, "/metrics/prometheus").Code)
			}
		})
	}
	group.Wait()
	atMost := 1 + int64(time.Since(began)*60/time.Second)
	assert.LessOrEqual(t, count.scrapes.Load(), atMost)
	assert.GreaterOrEqual(t, count.scrapes.Load(), int64(30+10), "no answer is older than its question")
}
