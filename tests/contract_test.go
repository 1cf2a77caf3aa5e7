package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// TestContract_Rejects: a schema that lets everything through would prove nothing.
func TestContract_Rejects(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile(filepath.Join("testdata", "golden", "busy.json"))
	require.NoError(t, err)
	contracttest.Validate(t, golden)

	type object = map[string]any
	agent := func(envelope object) object { return envelope["agents"].([]any)[0].(object) }
	for name, change := range map[string]func(object){
		"a section is missing":     func(e object) { delete(e, "stages") },
		"a header key is missing":  func(e object) { delete(e, "generated_at") },
		"a field is missing":       func(e object) { delete(agent(e), "pid") },
		"a status is not counted":  func(e object) { delete(e["queue"].(object)["counts"].(object), "cancelled") },
		"a list is null":           func(e object) { e["agents"] = nil },
		"a list within is null":    func(e object) { e["cost"].(object)["running"] = nil },
		"an integer is text":       func(e object) { agent(e)["job_id"] = "21" },
		"an integer is a fraction": func(e object) { agent(e)["cpu_ticks"] = 1.5 },
		"an identifier is null":    func(e object) { agent(e)["job_id"] = nil },
		"a time is not one":        func(e object) { e["generated_at"] = "2026-06-01 12:00:00" },
		"another version":          func(e object) { e["schema_version"] = 2 },
		"a status is another word": func(e object) { agent(e)["process"].(object)["status"] = "lost" },
		"a report is null":         func(e object) { e["sections"].(object)["queue"] = nil },
		"the breaker is a list":    func(e object) { e["queue"].(object)["breaker"] = []any{} },
		"on, with nothing else":    func(e object) { clear(e); e["schema_version"], e["enabled"] = 1, true },
	} {
		var envelope object
		require.NoError(t, json.Unmarshal(golden, &envelope))
		change(envelope)
		require.Error(t, contracttest.Check([]byte(encode(t, envelope))), name)
	}
	require.Error(t, contracttest.Check([]byte(`{`)))
	require.Error(t, contracttest.CheckAgainst([]byte(`{`), golden))
	require.Error(t, contracttest.CheckAgainst([]byte(`{"type":"array"}`), golden))

	for name, change := range map[string]func(object){
		"a key that is not known":  func(e object) { e["disks"], agent(e)["tty"] = []any{1}, "x" },
		"another status of a job":  func(e object) { e["queue"].(object)["counts"].(object)["odd"] = 3 },
		"an answer of the core":    func(e object) { delete(e, "clock"); delete(e, "instance"); delete(e, "sections") },
		"the kill switch's answer": func(e object) { clear(e); e["schema_version"], e["enabled"] = 1, false },
	} {
		var envelope object
		require.NoError(t, json.Unmarshal(golden, &envelope))
		change(envelope)
		assert.NoError(t, contracttest.Check([]byte(encode(t, envelope))), name)
	}
}
