package deploy

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDashboard: to Grafana's own types every field is one that is known, and none
// that is required is missing: of the dashboard, each panel's options and each query.
// tests/ runs the queries.
func TestDashboard(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/grafana/orchmetrics.json")
	require.NoError(t, err)
	require.Empty(t, complaints(t, raw))

	for name, spoil := range map[string]func(panel map[string]any){
		"an option that there is not": func(p map[string]any) { p["options"].(map[string]any)["colour"] = "none" },
		"a field of a query that there is not": func(p map[string]any) {
			p["targets"].([]any)[0].(map[string]any)["expression"] = "up"
		},
		"an option that is missing": func(p map[string]any) { delete(p["options"].(map[string]any), "textMode") },
		"a place of another type":   func(p map[string]any) { p["gridPos"].(map[string]any)["w"] = "4" },
	} {
		var spoilt map[string]any
		require.NoError(t, json.Unmarshal(raw, &spoilt))
		panels := spoilt["panels"].([]any)
		stat := slices.IndexFunc(panels, func(panel any) bool { return panel.(map[string]any)["type"] == "stat" })
		require.GreaterOrEqual(t, stat, 0)
		spoil(panels[stat].(map[string]any))
		bad, err := json.Marshal(spoilt)
		require.NoError(t, err)
		assert.NotEmpty(t, complaints(t, bad), name)
	}
}

// complaints are those of Grafana's types about a dashboard. What they return
// without any may be an error of no text.
func complaints(t *testing.T, raw []byte) string {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	var read dashboard.Dashboard
	for _, err := range []error{read.UnmarshalJSONStrict(raw), read.Validate()} {
		if err != nil && err.Error() != "" {
			return err.Error()
		}
	}
	return ""
}

// TestDashboard_Layout: no panel lies on another, or beyond the edge of Grafana's
// 24 columns.
func TestDashboard_Layout(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/grafana/orchmetrics.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			ID      int
			GridPos struct{ X, Y, W, H int }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &board))
	taken := map[[2]int]int{}
	for _, panel := range board.Panels {
		place := panel.GridPos
		require.Positive(t, place.W*place.H, panel.ID)
		assert.LessOrEqual(t, place.X+place.W, 24, panel.ID)
		for x := range place.W {
			for y := range place.H {
				at := [2]int{place.X + x, place.Y + y}
				assert.Zero(t, taken[at], "panel %d lies on another", panel.ID)
				taken[at] = panel.ID
			}
		}
	}
}
