package app_test

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// serviceOf is a service over the given sections only.
func serviceOf(t *testing.T, sections ...ports.Section) (*app.Service, error) {
	t.Helper()
	w := newWorld(t)
	return app.NewService(sections, nil, w.clock, w.cpu, w.opts)
}

func TestKeysThatAreRefusedAtTheStart(t *testing.T) {
	cases := map[string]struct{ key, says string }{
		"empty":               {"", "lower-case letters"},
		"upper case":          {"Costs", "lower-case letters"},
		"a dash":              {"my-section", "lower-case letters"},
		"a digit first":       {"2nd", "lower-case letters"},
		"an underscore first": {"_x", "lower-case letters"},
		"a space":             {"a b", "lower-case letters"},
		"a line's end":        {"a\n", "lower-case letters"},
		"not ASCII":           {"é", "lower-case letters"},
		"too long":            {strings.Repeat("a", 64), "up to 63"},
		"of the header":       {"generated_at", "the envelope uses this key itself"},
		"of the kill switch":  {"enabled", "the envelope uses this key itself"},
		"of the reports":      {"sections", "the envelope uses this key itself"},
		"of the clock":        {"clock", "the envelope uses this key itself"},
		"of a core section":   {"queue", "used twice"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.extra = []ports.Section{section{c.key, nil, returns(1, nil)}}
			_, err := w.build()
			require.ErrorContains(t, err, "add section")
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "\n", "one line")
		})
	}
	longest := strings.Repeat("a", 63)
	_, err := serviceOf(t, section{longest, nil, returns(1, nil)}, section{"a2_", nil, returns(1, nil)})
	require.NoError(t, err)
	_, err = serviceOf(t, section{"twice", nil, nil}, section{"twice", nil, nil})
	require.ErrorContains(t, err, `add section "twice": the key is used twice`)
	_, err = serviceOf(t, nil)
	require.ErrorContains(t, err, "nil")
}

// A default that could not be shown would fail just when it is needed.
func TestDefaultsThatAreRefusedAtTheStart(t *testing.T) {
	cases := map[string]struct {
		section ports.Section
		says    string
	}{
		"not a number":              {section{"extra", math.NaN(), nil}, "invalid_value"},
		"a channel":                 {section{"extra", make(chan int), nil}, "invalid_value"},
		"panics encoded":            {section{"extra", panicking{}, nil}, "panic: encode"},
		"a list under queue":        {section{"queue", []string{}, nil}, "invalid_value"},
		"an object under stages":    {section{"stages", &domain.Queue{}, nil}, "invalid_value"},
		"a list of others' entries": {section{"agents", []domain.Stage{}, nil}, "invalid_value"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := serviceOf(t, c.section)
			require.ErrorContains(t, err, "its default: ")
			require.ErrorContains(t, err, c.says)
		})
	}
	panics := mocks.NewSection(t)
	panics.EXPECT().Key().Return("extra")
	panics.EXPECT().Default().RunAndReturn(func() any { panic("boom") })
	_, err := serviceOf(t, panics)
	require.EqualError(t, err, `add section "extra": its default: panic: boom`)
}

func TestDisablingAnUnknownSection(t *testing.T) {
	w := newWorld(t)
	w.opts.Disabled = []string{"cost", "costs"}
	_, err := w.build()
	require.ErrorIs(t, err, ports.ErrUnknownSection)
	assert.EqualError(t, err, `disable section "costs": unknown section; there are stages, queue, agents, cost; did you mean cost?`)
}

// A disabled section is not asked, and shows its default.
func TestDisabledSections(t *testing.T) {
	w := newWorld(t)
	extra := mocks.NewSection(t) // Collect is not expected
	extra.EXPECT().Key().Return("extra")
	extra.EXPECT().Default().Return([]int{})
	w.extra = []ports.Section{extra}
	w.opts.Disabled = []string{"stages", "queue", "agents", "cost", "extra"}
	service := w.service(t)

	envelope := scrape(t, service)
	assert.Equal(t, []domain.Stage{}, envelope.Stages)
	assert.Nil(t, envelope.Queue)
	assert.Equal(t, []domain.Agent{}, envelope.Agents)
	assert.Nil(t, envelope.Cost)
	assert.JSONEq(t, `[]`, string(envelope.Extensions[0].Value))
	for _, key := range service.Keys() {
		assert.Equal(t, domain.SectionReport{Status: domain.StatusDisabled}, envelope.Sections[key])
	}
	for _, source := range sources {
		assert.Zero(t, w.called(source.method), source.method)
	}
	assert.Equal(t, domain.StatusDisabled, scrape(t, service, "cost").Sections["cost"].Status, "also if it is asked for")
}

func TestOneDisabledSectionLeavesTheOthers(t *testing.T) {
	w := newWorld(t)
	w.opts.Disabled = []string{"agents"}
	want := healthy()
	want.Agents = []domain.Agent{}
	want.Sections["agents"] = domain.SectionReport{Status: domain.StatusDisabled}
	assert.Equal(t, want, scrape(t, w.service(t)))
	assert.Zero(t, w.called("Sample"))
}

// With the kill switch off nothing is touched: none of these mocks expects a call.
func TestKillSwitchOffTouchesNoSource(t *testing.T) {
	queue, cpu, clock := mocks.NewQueueSource(t), mocks.NewCPUReader(t), mocks.NewClock(t)
	agents := mocks.NewAgentSource(t)
	running := app.NewRunning(agents)
	extra := mocks.NewSection(t)
	extra.EXPECT().Key().Return("extra")
	extra.EXPECT().Default().Return(nil)
	service, err := app.NewService([]ports.Section{
		app.NewStages(mocks.NewStageSource(t)), app.NewQueue(queue, mocks.NewWorkerState(t)),
		app.NewAgents(running, cpu, "here"), app.NewCost(running, mocks.NewCostSource(t)), extra,
	}, []ports.Viewer{mocks.NewViewer(t)}, clock, cpu, app.Options{Enabled: false, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	for _, keys := range [][]string{nil, {"queue"}, {"nonsense"}} {
		envelope, err := service.Snapshot(context.Background(), keys...)
		require.NoError(t, err)
		assert.Equal(t, domain.Envelope{SchemaVersion: 1, Disabled: true}, envelope)
	}
}
