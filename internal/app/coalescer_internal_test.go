package app

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
)

// These tests run in a bubble, whose clock moves only when everybody waits.

const spacing = time.Second / 60

func envelope() domain.Envelope { return domain.Envelope{} }

// Whoever asks while a scrape is under way gets the next one, together: never
// one that began before it asked.
func TestCoalescer_SharesButNeverWhatIsOlderThanTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(0, time.Minute)
		var scrapes atomic.Int64
		release := make(chan struct{})
		take := func() domain.Envelope {
			version := scrapes.Add(1)
			<-release
			return domain.Envelope{SchemaVersion: int(version)}
		}
		versions := make(chan int, 11)
		ask := func() { versions <- c.do("all", take).envelope.SchemaVersion }
		go ask()
		synctest.Wait() // the first is under way
		for range 10 {
			go ask()
		}
		synctest.Wait() // the others wait for it
		close(release)
		synctest.Wait()
		assert.EqualValues(t, 2, scrapes.Load())
		assert.Equal(t, 1, <-versions)
		for range 10 {
			assert.Equal(t, 2, <-versions)
		}
	})
}

// A crowd of pollers costs sixty scrapes a second, and none of them waits long.
func TestCoalescer_Crowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pollers, seconds, takes = 1000, 5, 2 * time.Millisecond
		c := newCoalescer(spacing, 100*time.Millisecond)
		var mu sync.Mutex
		var begins []time.Time
		take := func() domain.Envelope {
			mu.Lock()
			begins = append(begins, time.Now())
			mu.Unlock()
			time.Sleep(takes)
			return envelope()
		}
		var group sync.WaitGroup
		for i := range pollers {
			group.Go(func() {
				time.Sleep(time.Second * time.Duration(i) / pollers)
				for range seconds {
					next := time.Now().Add(time.Second)
					asked := time.Now()
					s := c.do("all", take)
					assert.False(t, s.began.Before(asked), "what is told is never older than the question")
					assert.LessOrEqual(t, time.Since(asked), spacing+takes)
					time.Sleep(time.Until(next))
				}
			})
		}
		group.Wait()
		for i := 1; i < len(begins); i++ {
			assert.GreaterOrEqual(t, begins[i].Sub(begins[i-1]), spacing)
		}
		assert.Greater(t, len(begins), 55*seconds, "and they are told what is new as often as that")
	})
}

// Who comes when the last scrape began long enough ago is answered at once.
func TestCoalescer_ALoneCallerNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(spacing, time.Minute)
		for range 10 {
			began := time.Now()
			c.do("all", envelope)
			c.do("another question", envelope)
			assert.Zero(t, time.Since(began))
			time.Sleep(spacing)
		}
		c.do("all", envelope)
		began := time.Now()
		c.do("all", envelope)
		assert.Equal(t, spacing, time.Since(began), "too soon")
	})
}

// A scrape that takes long is not waited for.
func TestCoalescer_DoesNotWaitForASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(spacing, 100*time.Millisecond)
		release := make(chan struct{})
		go c.do("all", func() domain.Envelope { <-release; return envelope() })
		synctest.Wait()
		began := time.Now()
		c.do("all", envelope)
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
		close(release)
	})
}

// Without a scrape there is no envelope: nobody may take the empty one for it.
func TestCoalescer_PanicIsEveryonesPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(spacing, time.Minute)
		release := make(chan struct{})
		go c.do("all", func() domain.Envelope { <-release; return envelope() })
		synctest.Wait()
		panics := make(chan any, 5)
		for range cap(panics) {
			go func() {
				defer func() { panics <- recover() }()
				c.do("all", func() domain.Envelope { panic("boom") })
			}()
		}
		synctest.Wait()
		close(release)
		for range cap(panics) {
			assert.NotNil(t, <-panics)
		}
		assert.Equal(t, 1, c.do("all", func() domain.Envelope { return domain.Envelope{SchemaVersion: 1} }).envelope.SchemaVersion)
	})
}

// What is asked for is up to the callers: it must not pile up.
func TestCoalescer_Forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 100 * time.Millisecond
		c := newCoalescer(spacing, patience)
		for _, question := range []string{"a", "b", "c"} {
			c.do(question, envelope)
		}
		assert.Empty(t, c.pending)
		assert.Len(t, c.begun, 3, "no more than began a moment ago")
		time.Sleep(patience)
		c.do("d", envelope)
		assert.Len(t, c.begun, 1)
	})
}
