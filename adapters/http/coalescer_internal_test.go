package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// These tests run in a bubble, whose clock moves only when everybody waits.

// scraper answers with what take returns, and writes texts that say of which answer
// they are.
type scraper struct {
	take    func(keys []string) domain.Envelope
	writing func()
}

func (s scraper) Snapshot(_ context.Context, keys ...string) (domain.Envelope, error) {
	envelope := s.take(keys)
	if envelope.SchemaVersion < 0 {
		return domain.Envelope{}, ports.ErrUnknownSection
	}
	return envelope, nil
}

func (scraper) Keys() []string { return nil }

func (s scraper) Text(_ context.Context, envelope domain.Envelope, format ports.TextFormat, _ time.Duration) ([]byte, error) {
	if s.writing != nil {
		s.writing()
	}
	return []byte(strings.Repeat("x", envelope.SchemaVersion) + string(format)), nil
}

func coalescing(s scraper, spacing time.Duration) *coalescer {
	return newCoalescer(s, options{text: s, spacing: spacing}, slog.New(slog.DiscardHandler))
}

// counting returns envelopes whose versions are 1, 2, 3, each of which takes a while.
func counting(takes time.Duration) func([]string) domain.Envelope {
	var made atomic.Int64
	return func([]string) domain.Envelope {
		mine := made.Add(1)
		time.Sleep(takes)
		return domain.Envelope{SchemaVersion: int(mine)}
	}
}

func (c *coalescer) version(keys ...string) int {
	return c.ask(context.Background(), keys, form{}).envelope.SchemaVersion
}

// TestCoalescer_NeverOlderThanTheQuestion: those who ask while a scrape is under way
// share the next one.
func TestCoalescer_NeverOlderThanTheQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := coalescing(scraper{take: counting(time.Second)}, 0)
		told := make(chan int, 10)
		ask := func() {
			go func() { told <- c.version() }()
			synctest.Wait()
		}
		for range 6 {
			ask()
		}
		time.Sleep(1500 * time.Millisecond) // the second is under way
		ask()
		time.Sleep(time.Minute)
		synctest.Wait()
		var versions []int
		for range 7 {
			versions = append(versions, <-told)
		}
		assert.Equal(t, []int{1, 2, 2, 2, 2, 2, 3}, versions)
	})
}

// TestCoalescer_WritesOnce: JSON and readiness are of one scrape, and so are the texts,
// in each coding; a text is written once for all codings.
func TestCoalescer_WritesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var texts atomic.Int64
		c := coalescing(scraper{counting(time.Second), func() { texts.Add(1); time.Sleep(time.Second) }}, 0)
		zipped := coding{name: gzipped, always: true}
		forms := []form{
			{},
			{contentType: jsonType},
			{jsonType, zipped},
			{contentType: string(ports.PrometheusText)},
			{string(ports.PrometheusText), zipped},
			{contentType: string(ports.OpenMetricsText)},
		}
		require.NoError(t, c.scrapeTurn.Acquire(t.Context(), 1)) // the two scrapes wait until all have asked
		var group sync.WaitGroup
		var mu sync.Mutex
		bodies := map[*byte]bool{}
		for range 5 {
			for _, f := range forms {
				group.Go(func() {
					w := c.ask(t.Context(), nil, f)
					require.NoError(t, w.err)
					assert.Equal(t, f.coding.name, w.coding)
					if f.contentType == "" {
						assert.Positive(t, w.envelope.SchemaVersion)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					bodies[&w.body[0]] = true
				})
			}
		}
		synctest.Wait()
		c.scrapeTurn.Release(1)
		group.Wait()
		assert.EqualValues(t, 2, texts.Load())
		assert.Len(t, bodies, 5, "each is shared")
		assert.Equal(t, 3, c.version(), "there were two scrapes")
	})
}

// TestCoalescer_JSONDoesNotWaitForText: a text is written beside the scrapes of JSON, and
// no second one beside it.
func TestCoalescer_JSONDoesNotWaitForText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var writing, most atomic.Int64
		c := coalescing(scraper{counting(time.Second), func() {
			most.Store(max(most.Load(), writing.Add(1)))
			time.Sleep(time.Minute)
			writing.Add(-1)
		}}, 0)
		var group sync.WaitGroup
		text := func() { c.ask(t.Context(), nil, form{contentType: string(ports.PrometheusText)}) }
		group.Go(text)
		time.Sleep(2 * time.Second)
		group.Go(text)
		for range 3 {
			began := time.Now()
			require.NoError(t, c.ask(t.Context(), nil, form{contentType: jsonType}).err)
			assert.Equal(t, time.Second, time.Since(began))
		}
		group.Wait()
		assert.EqualValues(t, 1, most.Load())
	})
}

// TestCoalescer_OneScrapeAtATime: that of a text and that of JSON, too.
func TestCoalescer_OneScrapeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c := coalescing(scraper{take: func([]string) domain.Envelope {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return domain.Envelope{}
		}}, 0)
		began := time.Now()
		var group sync.WaitGroup
		for _, contentType := range []string{jsonType, string(ports.PrometheusText)} {
			group.Go(func() { assert.NoError(t, c.ask(t.Context(), nil, form{contentType: contentType}).err) })
		}
		group.Wait()
		assert.EqualValues(t, 1, most.Load())
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

// TestCoalescer_Crowd: a crowd of pollers costs sixty scrapes a second, and none of
// them waits long.
func TestCoalescer_Crowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pollers, seconds, takes = 1000, 5, 2 * time.Millisecond
		var mu sync.Mutex
		var begins []time.Time
		c := coalescing(scraper{take: func([]string) domain.Envelope {
			mu.Lock()
			began := time.Now()
			begins = append(begins, began)
			mu.Unlock()
			time.Sleep(takes)
			return domain.Envelope{GeneratedAt: began}
		}}, spacing)
		var group sync.WaitGroup
		for i := range pollers {
			group.Go(func() {
				time.Sleep(time.Second * time.Duration(i) / pollers)
				for range seconds {
					next := time.Now().Add(time.Second)
					asked := time.Now()
					w := c.ask(t.Context(), nil, form{})
					assert.False(t, w.envelope.GeneratedAt.Before(asked), "what is told is never older than the question")
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

// TestCoalescer_ALoneCallerNeverWaits: who comes when the last scrape began long
// enough ago is answered at once.
func TestCoalescer_ALoneCallerNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := coalescing(scraper{take: counting(0)}, spacing)
		for range 10 {
			began := time.Now()
			c.version()
			assert.Zero(t, time.Since(began))
			time.Sleep(spacing)
		}
		c.version()
		began := time.Now()
		c.version()
		assert.Equal(t, spacing, time.Since(began), "too soon")
	})
}

// TestCoalescer_FewAtATime: however many different questions are asked.
func TestCoalescer_FewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most, refused, answered atomic.Int64
		unknown := false
		c := coalescing(scraper{take: func([]string) domain.Envelope {
			if unknown {
				return domain.Envelope{SchemaVersion: -1}
			}
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return domain.Envelope{}
		}}, 0)
		c.most, c.patience = 50, 3*time.Second
		for i := range 100 {
			go func() {
				if w := c.ask(t.Context(), []string{string(rune('A' + i))}, form{}); errors.Is(w.err, errOverloaded) {
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
		assert.Empty(t, c.pending, "what is asked is up to the callers: it must not pile up")
		assert.Zero(t, c.waiting)
		unknown = true
		require.ErrorIs(t, c.ask(t.Context(), []string{"A"}, form{}).err, ports.ErrUnknownSection, "the turn is free again")
	})
}

// TestCoalescer_PanicIsEveryonesFailure: those who wait for a scrape that panics, or
// whose text does, are not left waiting, and the turn is free again.
func TestCoalescer_PanicIsEveryonesFailure(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*scraper, func()){
		"the scrape": func(s *scraper, boom func()) {
			s.take = func([]string) domain.Envelope { boom(); return domain.Envelope{} }
		},
		"the text": func(s *scraper, boom func()) { s.writing = boom },
	} {
		synctest.Test(t, func(t *testing.T) {
			bad := true
			s := scraper{take: counting(0)}
			breaks(&s, func() {
				if bad {
					panic("boom")
				}
			})
			c := coalescing(s, 0)
			require.NoError(t, c.scrapeTurn.Acquire(t.Context(), 1))
			failed := make(chan error, 3)
			for range cap(failed) {
				go func() { failed <- c.ask(t.Context(), nil, form{contentType: string(ports.PrometheusText)}).err }()
			}
			synctest.Wait()
			c.scrapeTurn.Release(1)
			for range cap(failed) {
				require.ErrorIs(t, <-failed, errPanicked, name)
			}
			bad = false
			require.NoError(t, c.ask(t.Context(), nil, form{contentType: string(ports.PrometheusText)}).err, name)
		})
	}
}
