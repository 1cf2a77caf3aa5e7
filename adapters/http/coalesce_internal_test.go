package httpapi

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCoalescer_NeverOlderThanTheQuestion: those who ask while an answer is made
// share the next one.
func TestCoalescer_NeverOlderThanTheQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, made := newCoalescer(0, 0), 0
		makes := func() (any, error) {
			made++
			mine := made
			time.Sleep(time.Second)
			return mine, nil
		}
		told := make(chan any, 10)
		ask := func() {
			go func() {
				value, err := c.do("all", makes)
				assert.NoError(t, err)
				told <- value
			}()
			synctest.Wait()
		}
		ask()
		for range 5 {
			ask()
		}
		time.Sleep(1500 * time.Millisecond) // the second is being made
		ask()
		time.Sleep(time.Minute)
		synctest.Wait()
		var values []any
		for range 7 {
			values = append(values, <-told)
		}
		assert.Equal(t, []any{1, 2, 2, 2, 2, 2, 3}, values)
	})
}

// TestCoalescer_FewAtATime: however many different answers are asked for.
func TestCoalescer_FewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(50, 3*time.Second)
		var now, most, refused, answered atomic.Int64
		for i := range 100 {
			go func() {
				_, err := c.do(string(rune('A'+i)), func() (any, error) {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Second)
					now.Add(-1)
					return i, nil
				})
				if errors.Is(err, errOverloaded) {
					refused.Add(1)
				} else {
					answered.Add(1)
				}
			}()
		}
		synctest.Wait()
		assert.EqualValues(t, 50, refused.Load(), "too many ask")
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 1, most.Load())
		assert.EqualValues(t, 3, answered.Load())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 100, refused.Load()+answered.Load(), "nobody waits for longer")
		_, err := c.do("A", func() (any, error) { return nil, http.ErrBodyNotAllowed })
		require.ErrorIs(t, err, http.ErrBodyNotAllowed, "the turn is free again")
	})
}

// TestCoalescer_PanicsAreShared: those who wait for an answer whose making panics
// are not left waiting, and the slot is free again.
func TestCoalescer_PanicsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(0, 0)
		c.turn <- struct{}{}
		panicked := make(chan bool, 3)
		for range cap(panicked) {
			go func() {
				defer func() { panicked <- recover() != nil }()
				_, _ = c.do("all", func() (any, error) { panic("boom") })
			}()
		}
		synctest.Wait()
		<-c.turn
		for range cap(panicked) {
			assert.True(t, <-panicked)
		}
		value, err := c.do("all", func() (any, error) { return "well", nil })
		require.NoError(t, err)
		assert.Equal(t, "well", value)
	})
}
