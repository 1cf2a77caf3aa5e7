package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// measured is a section with metrics.
type measured struct {
	section

	metrics func(context.Context, json.RawMessage) ([]ports.Metric, error)
}

func (m measured) Metrics(ctx context.Context, value json.RawMessage) ([]ports.Metric, error) {
	return m.metrics(ctx, value)
}

// exposed is an exposition that remembers what it was given.
type exposed struct {
	mu       sync.Mutex
	calls    int
	envelope domain.Envelope
	sections map[string]ports.Measurement
	refused  map[string]error
}

func (x *exposed) Expose(e domain.Envelope, sections []ports.Measurement, format ports.TextFormat) ([]byte, map[string]error, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.calls++
	x.envelope, x.sections = e, map[string]ports.Measurement{}
	refused := map[string]error{}
	for _, m := range sections {
		x.sections[m.Key] = m
		if err := errors.Join(m.Err, x.refused[m.Key]); err != nil {
			refused[m.Key] = err
		}
	}
	return []byte(format), refused, nil
}

func with(w *world, key string, collect func(context.Context) (any, error), metrics func(context.Context, json.RawMessage) ([]ports.Metric, error)) {
	w.extra = append(w.extra, measured{section{key, []int{}, collect}, metrics})
}

func one(name string) func(context.Context, json.RawMessage) ([]ports.Metric, error) {
	return func(_ context.Context, value json.RawMessage) ([]ports.Metric, error) {
		return []ports.Metric{{Name: name, Help: string(value), Type: ports.Gauge}}, nil
	}
}

// text asks for a snapshot, and for the text of it.
func text(ctx context.Context, service *app.Service, format ports.TextFormat, keys ...string) ([]byte, error) {
	began := time.Now()
	envelope, err := service.Snapshot(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return service.Text(ctx, envelope, format, time.Since(began))
}

// TestText_Metrics: a section is asked for metrics of the value that JSON
// shows, if it was read; what goes wrong stays with it.
func TestText_Metrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, x := newWorld(t), &exposed{}
		w.opts.Exposition = x
		with(w, "good", returns([]int{1, 2}, nil), one("n"))
		with(w, "partly", returns([]int{3}, errors.New("the rest")), one("n"))
		with(w, "broken", returns(nil, errors.New("all of it")), one("n"))
		with(w, "off", returns([]int{1}, nil), one("n"))
		with(w, "fails", returns([]int{1}, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) {
			return nil, errors.New("cannot")
		})
		with(w, "panics", returns([]int{1}, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) { panic("bug") })
		with(w, "ends", returns([]int{1}, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) {
			runtime.Goexit()
			return nil, nil
		})
		release := make(chan struct{})
		with(w, "hangs", returns([]int{1}, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) {
			<-release
			return nil, nil
		})
		w.opts.Disabled = []string{"off"}
		service := w.service(t)
		began := time.Now()
		body, err := text(t.Context(), service, ports.OpenMetricsText)
		require.NoError(t, err)
		assert.Equal(t, string(ports.OpenMetricsText), string(body))
		assert.Equal(t, timeout, time.Since(began), "no longer than a section may take")
		assert.Len(t, x.sections, 6, "neither what failed nor what is off")
		assert.Equal(t, []ports.Metric{{Name: "n", Help: "[1,2]", Type: ports.Gauge}}, x.sections["good"].Metrics)
		assert.Equal(t, []ports.Metric{{Name: "n", Help: "[3]", Type: ports.Gauge}}, x.sections["partly"].Metrics)
		for key, code := range map[string]domain.Code{"panics": domain.CodePanic, "ends": domain.CodePanic, "hangs": domain.CodeTimeout} {
			require.ErrorIs(t, x.sections[key].Err, code)
		}
		require.EqualError(t, x.sections["fails"].Err, "cannot")
		assert.Equal(t, domain.StatusOK, x.envelope.Sections["panics"].Status, "its value is as good as ever")

		began = time.Now()
		_, err = text(t.Context(), service, ports.PrometheusText)
		require.NoError(t, err)
		assert.Zero(t, time.Since(began), "what hangs is not waited for again")
		require.ErrorIs(t, x.sections["hangs"].Err, domain.CodeStuck)
		close(release)
		synctest.Wait()
		_, err = text(t.Context(), service, ports.PrometheusText, "hangs")
		require.NoError(t, err)
		require.NoError(t, x.sections["hangs"].Err)
		assert.Len(t, x.sections, 1, "only who is asked for")
	})
}

// TestText_AfterAHang: metrics have what is left of the scrape's time, and
// a tenth of it where nothing is.
func TestText_AfterAHang(t *testing.T) {
	for name, c := range map[string]struct{ collect, want time.Duration }{
		"something is left": {timeout * 3 / 4, timeout},
		"nothing is left":   {timeout * 2, timeout + timeout/10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, x := newWorld(t), &exposed{}
				w.opts.Exposition = x
				w.breaks("ActiveTasks", func(context.Context) error { time.Sleep(c.collect); return nil })
				with(w, "good", returns([]int{1}, nil), one("n"))
				with(w, "hangs", returns([]int{1}, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) {
					time.Sleep(timeout * 2)
					return nil, nil
				})
				began := time.Now()
				_, err := text(t.Context(), w.service(t), ports.PrometheusText)
				require.NoError(t, err)
				assert.Equal(t, c.want, time.Since(began))
				require.NoError(t, x.sections["good"].Err)
				require.ErrorIs(t, x.sections["hangs"].Err, domain.CodeTimeout)
				time.Sleep(timeout * 2) // what was left behind comes back
			})
		})
	}
}

// TestText_JSONDoesNotMeasure: who asks for JSON does not pay for text.
func TestText_JSONDoesNotMeasure(t *testing.T) {
	w, x := newWorld(t), &exposed{}
	w.opts.Exposition = x
	with(w, "good", returns(1, nil), func(context.Context, json.RawMessage) ([]ports.Metric, error) {
		assert.Fail(t, "nobody asked")
		return nil, nil
	})
	_, err := w.service(t).Snapshot(t.Context())
	require.NoError(t, err)
	assert.Zero(t, x.calls)
}

// TestText_LogsOnce: why metrics are missing is in the log, once.
func TestText_LogsOnce(t *testing.T) {
	w, j := loggedWorld(t)
	x := &exposed{refused: map[string]error{"good": errors.New("the name is used twice")}}
	w.opts.Exposition = x
	with(w, "good", returns(1, nil), one("n"))
	service := w.service(t)
	ask := func() []map[string]any {
		_, err := text(t.Context(), service, ports.PrometheusText)
		require.NoError(t, err)
		return j.take(t)
	}
	assert.Equal(t, []map[string]any{{
		"level": slog.LevelWarn.String(), "msg": "section not ok", "section": "good (metrics)", "status": "failed", "code": "source_failed",
		"cause": "the name is used twice",
	}}, ask())
	assert.Empty(t, ask())
	x.refused = nil
	assert.Len(t, ask(), 1)
}

func TestText_Errors(t *testing.T) {
	w := newWorld(t)
	_, err := text(t.Context(), w.service(t), ports.PrometheusText)
	require.EqualError(t, err, "write the snapshot as text: the service has no exposition")

	x := mocks.NewExposition(t)
	fault := errors.New("cannot encode")
	x.EXPECT().Expose(mock.Anything, mock.Anything, mock.Anything).Return(nil, nil, fault).Once()
	w.opts.Exposition = x
	service := w.service(t)
	_, err = text(t.Context(), service, ports.PrometheusText)
	require.ErrorIs(t, err, fault)
	_, err = text(t.Context(), service, ports.PrometheusText, "nonsense")
	require.ErrorIs(t, err, ports.ErrUnknownSection)
}

// TestText_KillSwitch: no section is asked for anything.
func TestText_KillSwitch(t *testing.T) {
	w, x := newWorld(t), &exposed{}
	w.opts = app.Options{SectionTimeout: timeout, Exposition: x, Logger: slog.New(slog.DiscardHandler)}
	with(w, "good", returns(1, nil), one("n"))
	_, err := text(t.Context(), w.service(t), ports.PrometheusText, "nonsense")
	require.NoError(t, err)
	assert.True(t, x.envelope.Disabled)
	assert.Empty(t, x.sections)
}
