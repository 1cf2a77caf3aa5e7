package page

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// requireShown: the page shows what the last of the answers has, all of it.
func requireShown(t *testing.T, bodies [][]byte, got shown) {
	t.Helper()
	glance, sections := expected(t, bodies)
	assert.Equal(t, glance, got.Glance)
	require.ElementsMatch(t, slices.Collect(maps.Keys(sections)), slices.Collect(maps.Keys(got.Sections)))
	for key, want := range sections {
		section := got.Sections[key]
		requireExplained(t, key, &section)
		switch key {
		case "agents": // those that have just ended linger
			section.Rows = slices.DeleteFunc(section.Rows, func(row map[string]string) bool { return row["ended"] != "" })
		case "cost":
		default: // the order of tasks is for TestPage_StagesInTheirOrder
			sortRows(want.Rows) // and JSON has no order of keys
			sortRows(section.Rows)
		}
		require.Equal(t, want, section, key)
	}
}

// requireExplained checks the sentences, and takes them away: whether they are
// true is not for a test.
func requireExplained(t *testing.T, key string, s *section) {
	t.Helper()
	for _, row := range s.Rows {
		if key == "reading" {
			assert.NotEmpty(t, row["meaning"], row)
			delete(row, "meaning")
		}
	}
	if s.Status != "ok" && s.Status != "" {
		assert.NotEmpty(t, s.Notes, "%s is %s: what does that mean?", key, s.Status)
	}
	s.Notes = nil
}

func sortRows(rows []map[string]string) {
	slices.SortFunc(rows, func(a, b map[string]string) int { return cmp.Compare(a["key"], b["key"]) })
}

// TestPage_ShowsEveryScenario: at each step of each scenario, what the page shows
// is what the service answered. It leaves a screenshot of the last.
func TestPage_ShowsEveryScenario(t *testing.T) {
	t.Parallel()
	for _, scenario := range orchmetrics.Scenarios() {
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			service := serve(t, recorded(t, scenario.Name))
			b := newTab(t)
			got := b.open(service.URL)
			requireShown(t, service.answers(got.Answers), got)
			for range 6 {
				got = b.next()
				requireShown(t, service.answers(got.Answers), got)
			}
			b.photograph("scenario-" + scenario.Name)
			b.requireQuiet(service.URL)
		})
	}
}

// TestPage_ShowsTheDemo: real processes, and what they use of a core. It leaves a
// screenshot.
func TestPage_ShowsTheDemo(t *testing.T) {
	t.Parallel()
	useBrowser(t)
	orchestrator, err := demo.Start(t.Context(), demo.Options{Tick: 200 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, orchestrator.Stop()) })
	src, err := orchmetrics.ProductionSources(orchmetrics.Config{
		DB: orchestrator.DB(), WorkerStateFile: orchestrator.WorkerStateFile(), ProcRoot: "/proc", SectionTimeout: 10 * time.Second, MaxRows: 10_000,
	})
	require.NoError(t, err)
	service := serve(t, src)
	b := newTab(t)
	b.open(service.URL)
	measured := false
	for i := 0; i < 5 || !measured; i++ {
		require.NoError(t, b.ctx.Err(), "no agent's share of a core was shown")
		got := b.next()
		requireShown(t, service.answers(got.Answers), got)
		for _, row := range got.Sections["agents"].Rows {
			measured = measured || row["cpu.tree"] != ""
		}
	}
	b.photograph("demo")
	b.requireQuiet(service.URL)
}
