package app

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Whoever asks while a scrape is under way gets the next one, together: never
// one that began before it asked.
func TestFlightsAreSharedButNeverOlderThanTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(time.Minute)
		var scrapes atomic.Int64
		release := make(chan struct{})
		scrape := func() *scraped {
			version := scrapes.Add(1)
			<-release
			return newScraped(domain.Envelope{SchemaVersion: int(version)})
		}
		versions := make(chan int, 11)
		ask := func() { versions <- f.join("all", scrape).shown.envelope.SchemaVersion }
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

// A scrape that takes long is not waited for.
func TestFlightDoesNotWaitForASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(100 * time.Millisecond)
		release := make(chan struct{})
		go f.join("all", func() *scraped { <-release; return newScraped(domain.Envelope{}) })
		synctest.Wait()
		began := time.Now()
		f.join("all", func() *scraped { return newScraped(domain.Envelope{}) })
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
		close(release)
	})
}

// Without a scrape there is no envelope: nobody may take the empty one for it.
func TestPanicOfASharedScrapeIsEveryonesPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(time.Minute)
		release := make(chan struct{})
		go f.join("all", func() *scraped { <-release; return newScraped(domain.Envelope{}) })
		synctest.Wait()
		panics := make(chan any, 5)
		for range cap(panics) {
			go func() {
				defer func() { panics <- recover() }()
				f.join("all", func() *scraped { panic("boom") })
			}()
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		for range cap(panics) {
			assert.NotNil(t, <-panics)
		}
		assert.Equal(t, 1, f.join("all", func() *scraped { return newScraped(domain.Envelope{SchemaVersion: 1}) }).shown.envelope.SchemaVersion)
	})
}

// What is asked for is up to the callers: it must not pile up.
func TestFlightsAreForgotten(t *testing.T) {
	f := newFlights(time.Minute)
	for _, key := range []string{"a", "b", "c"} {
		f.join(key, func() *scraped { return newScraped(domain.Envelope{}) })
	}
	assert.Empty(t, f.last)
	assert.Empty(t, f.boarding)
}
