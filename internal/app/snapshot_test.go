package app_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestUnknownSection(t *testing.T) {
	w := newWorld(t)
	_, err := w.service(t).Snapshot(t.Context(), "queue", "nonsense")
	require.ErrorIs(t, err, ports.ErrUnknownSection)
	require.EqualError(t, err, `unknown section "nonsense"; there are stages, queue, agents, cost`)
	_, err = w.service(t).Snapshot(t.Context(), "quue")
	require.EqualError(t, err, `unknown section "quue"; there are stages, queue, agents, cost; did you mean queue?`)
	assert.Zero(t, w.called("StatusCounts"), "nothing is read for a question that cannot be answered")
}

func TestNarrowedScrapeReadsOnlyItsSections(t *testing.T) {
	w := newWorld(t)
	envelope := scrape(t, w.service(t), "cost", "cost")
	assert.Equal(t, map[string]domain.SectionReport{"cost": healthy().Sections["cost"]}, envelope.Sections)
	assert.Equal(t, healthy().Cost, envelope.Cost)
	for method, calls := range map[string]int{
		"ActiveTasks": 0, "StatusCounts": 0, "Retries": 0, "WorkerState": 0, "Sample": 0, "RunningJobs": 1, "CostTotals": 1,
	} {
		assert.Equal(t, calls, w.called(method), method)
	}
}

// One scrape is of one instant.
func TestClockIsReadOnceInAScrape(t *testing.T) {
	w := newWorld(t)
	clock := mocks.NewClock(t)
	clock.EXPECT().Now().Return(domain.Instant{UnixMS: noon.UnixMilli() - 500}).Once() // at the start
	w.clock = clock
	service := w.service(t)
	clock.EXPECT().Now().Return(now).Once()
	envelope, err := service.Snapshot(t.Context())
	require.NoError(t, err)
	assert.Equal(t, now, envelope.Clock)
	assert.Equal(t, noon, envelope.GeneratedAt)
	assert.Equal(t, new(int64(60)), envelope.Stages[0].AgeInStageS)
	assert.Equal(t, new(int64(3600)), envelope.Agents[0].RuntimeS)
	assert.Equal(t, noon.Add(-time.Second), envelope.Instance.StartedAt)
}

// Who knows of which instant the scrape is says so in its context.
func TestSnapshotOfAGivenInstant(t *testing.T) {
	later := domain.Instant{UnixMS: now.UnixMS + 60_000}
	envelope, err := newWorld(t).service(t).Snapshot(ports.WithInstant(t.Context(), later))
	require.NoError(t, err)
	assert.Equal(t, later, envelope.Clock)
	assert.Equal(t, noon.Add(time.Minute), envelope.GeneratedAt)
	assert.Equal(t, new(int64(120)), envelope.Stages[0].AgeInStageS)
}

func TestInstance(t *testing.T) {
	w := newWorld(t)
	service := w.service(t)
	first, err := service.Snapshot(t.Context())
	require.NoError(t, err)
	second, err := service.Snapshot(t.Context())
	require.NoError(t, err)
	other, err := w.service(t).Snapshot(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first.Instance, second.Instance)
	assert.Equal(t, "test", first.Instance.Version)
	assert.NotEmpty(t, first.Instance.ID)
	assert.NotEqual(t, first.Instance.ID, other.Instance.ID, "a restart shows")
}

// Another client may still want what one that has gone away asked for first.
func TestCancelledCallerDoesNotSpoilTheScrape(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.breaks("ActiveTasks", func(ctx context.Context) error { cancel(); return ctx.Err() })
	envelope, err := w.service(t).Snapshot(ctx)
	require.NoError(t, err)
	for key, report := range envelope.Sections {
		assert.Equal(t, domain.StatusOK, report.Status, key)
	}
}

type viewKey struct{}

// viewer expects scrapes, and counts the views that were begun and ended.
type viewer struct {
	mu           sync.Mutex
	begun, ended int
}

func (v *viewer) View(ctx context.Context) (context.Context, func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begun++
	return context.WithValue(ctx, viewKey{}, v), func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.ended++
	}
}

func (v *viewer) counts() (begun, ended int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.begun, v.ended
}

// Every reading of a scrape is in the same view, whether the view is passed on
// directly or through the reading that agents and costs share.
func TestEverySourceReadsInTheView(t *testing.T) {
	w := newWorld(t)
	v := &viewer{}
	w.views = []ports.Viewer{v}
	for _, source := range sources {
		w.breaks(source.method, func(ctx context.Context) error {
			assert.Same(t, v, ctx.Value(viewKey{}), source.method)
			_, ended := v.counts()
			assert.Zero(t, ended, source.method)
			return nil
		})
	}
	scrape(t, w.service(t))
	begun, ended := v.counts()
	assert.Equal(t, 1, begun)
	assert.Equal(t, 1, ended)
}

func TestViewEndsOnceWhateverHappens(t *testing.T) {
	faults := map[string]func(release chan struct{}) func(context.Context) error{
		"error": func(chan struct{}) func(context.Context) error {
			return func(context.Context) error { return domain.CodeDBMissing }
		},
		"panic": func(chan struct{}) func(context.Context) error { return func(context.Context) error { panic("boom") } },
		"hang": func(release chan struct{}) func(context.Context) error {
			return func(context.Context) error { <-release; return nil }
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				v := &viewer{}
				w.views = []ports.Viewer{v}
				release := make(chan struct{})
				for _, source := range sources {
					w.breaks(source.method, fault(release))
				}
				scrape(t, w.service(t))
				begun, ended := v.counts()
				assert.Equal(t, 1, begun)
				assert.Equal(t, 1, ended, "when the scrape is over, whoever still reads")
				close(release)
				synctest.Wait()
				_, ended = v.counts()
				assert.Equal(t, 1, ended)
			})
		})
	}
}

// The last view that was begun ends first, and a view's end is within the
// scrape's time.
func TestViewsNest(t *testing.T) {
	w := newWorld(t)
	var order []string
	for _, name := range []string{"outer", "inner"} {
		m := mocks.NewViewer(t)
		m.EXPECT().View(anything).RunAndReturn(func(ctx context.Context) (context.Context, func()) {
			order = append(order, "begin "+name)
			return ctx, func() {
				if ctx.Err() != nil {
					t.Error("the scrape was over before the view")
				}
				order = append(order, "end "+name)
			}
		}).Once()
		w.views = append(w.views, m)
	}
	scrape(t, w.service(t))
	assert.Equal(t, []string{"begin outer", "begin inner", "end inner", "end outer"}, order)
}

func TestParallelScrapes(t *testing.T) {
	w := newWorld(t)
	v := &viewer{}
	w.views = []ports.Viewer{v}
	w.opts.SectionTimeout = time.Minute // nothing here is slow but the machine
	service := w.service(t)
	const callers = 50
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			if i%2 == 0 {
				assert.Equal(t, healthy(), scrape(t, service))
				return
			}
			assert.Equal(t, healthy().Stages, scrape(t, service, "stages").Stages)
		})
	}
	group.Wait()
	begun, ended := v.counts()
	assert.Equal(t, begun, ended)
	assert.LessOrEqual(t, begun, callers, "they may share scrapes")
	assert.Equal(t, begun, w.called("ActiveTasks"), "each scrape reads a source once")
}
