package chaos

import (
	"math"
	"strings"

	"pgregory.net/rapid"
)

// The columns that are read, by table. All but id hold any cell.
var (
	taskColumns = []string{"id", "work_item_id", "repo", "stage", "updated_at"}
	jobColumns  = []string{"id", "repo", "agent", "status", "attempts", "run_id", "pid", "started_at"}
	runColumns  = []string{
		"id", "model", "effort", "finished_at", "cost_usd", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
	}
)

// cell is a value as SQLite stores it: nil, int64, float64, string or []byte.
type cell any

// table is what is in one table of the orchestrator's.
type table struct {
	name    string
	columns []string
	rows    []map[string]cell
	// keyed is set if id is the INTEGER PRIMARY KEY. All other columns have no type,
	// so that no affinity turns a cell into another.
	keyed bool
	// indexed is a column with an index, if any.
	indexed string
}

// content is what is in a database.
type content struct {
	tasks, jobs, runs table
	exact             bool // the service reads everything anew
}

// cells draws a cell of any type.
func cells() *rapid.Generator[cell] {
	return rapid.OneOf(
		rapid.Just(cell(nil)),
		rapid.Map(rapid.Int64(), func(n int64) cell { return n }),
		rapid.Map(rapid.Int64Range(-3, 12), func(n int64) cell { return n }),
		rapid.Map(rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, math.MaxInt64 - 1, 1 << 53, -1 << 31}), func(n int64) cell { return n }),
		rapid.Map(rapid.Float64(), func(x float64) cell { return x }),
		rapid.Map(rapid.SampledFrom([]float64{
			math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 5e-324, 1 << 63, -1 << 63, 0.5, 2460000.5, 5373484.5, 5373485,
		}), func(x float64) cell { return x }),
		rapid.Map(rapid.String(), func(s string) cell { return s }),
		rapid.Map(rapid.SampledFrom(texts), func(s string) cell { return s }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) cell { return b }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) cell { return string(b) }),
	)
}

// texts are those that something makes of more than they say.
var texts = []string{
	"", " ", "0", "7", "7.0", "1e999", "9e999", "-9e999", "nan", "inf", "0x10", "9223372036854775808", "null", "NULL", "true", "{}", "[", `"`, `\`,
	"now", "2026-06-01", "2026-06-01 12:00:00", "2026-06-01T12:00:00.123456789Z", "2026-06-01 12:00:00+02:00", "12:00", "2026-02-30", "0000-01-01",
	"-4714-11-24 12:00:00", "9999-12-31 23:59:59", "10000-01-01", "2460000.5", "1780315200", "soon", "2026-6-1", "2026-06-01 24:00:00",
	"done", "cancelled", "running", "queued", "Done", "done ", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\u2028<script>&", "🤖", "e\u0301",
	strings.Repeat("x", 4096), strings.Repeat("x", 4097), strings.Repeat("ä", 3000), strings.Repeat("🤖", 1500), strings.Repeat("\xff", 5000),
}

// mostly draws one of the usual values of a column, and now and then any cell.
func mostly(usual ...cell) *rapid.Generator[cell] {
	common := rapid.SampledFrom(usual)
	return rapid.OneOf(common, common, cells())
}

// usually says what is mostly in a column.
var usually = map[string]*rapid.Generator[cell]{
	"stage":      mostly("development", "review", "done", "cancelled"),
	"status":     mostly("running", "running", "queued", "done", "failed", "paused"),
	"attempts":   mostly(int64(0), int64(1), int64(3)),
	"run_id":     mostly(int64(1), int64(2), int64(3), "1", 2.0),
	"pid":        mostly(int64(1), int64(2147483647)),
	"updated_at": mostly("2026-06-01 11:40:00", 2460000.5),
	"started_at": mostly("2026-06-01 11:40:00", int64(2460000)),
}

// contents draws the content of a database.
func contents() *rapid.Generator[content] {
	return rapid.Custom(func(t *rapid.T) content {
		return content{
			tasks: tables("tasks", taskColumns, "stage").Draw(t, "tasks"),
			jobs:  tables("jobs", jobColumns, "status").Draw(t, "jobs"),
			runs:  tables("agent_runs", runColumns, "finished_at").Draw(t, "runs"),
			exact: rapid.Bool().Draw(t, "exact"),
		}
	})
}

func tables(name string, columns []string, index string) *rapid.Generator[table] {
	return rapid.Custom(func(t *rapid.T) table {
		drawn := table{name: name, columns: columns, keyed: rapid.Bool().Draw(t, "keyed")}
		if rapid.Bool().Draw(t, "indexed") {
			drawn.indexed = index
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
			row := map[string]cell{"id": idOf(i+1, drawn.keyed).Draw(t, "id")}
			for _, column := range columns[1:] {
				generator := usually[column]
				if generator == nil {
					generator = cells()
				}
				row[column] = generator.Draw(t, column)
			}
			drawn.rows = append(drawn.rows, row)
		}
		return drawn
	})
}

// idOf draws an id, which no other row has.
func idOf(i int, keyed bool) *rapid.Generator[cell] {
	if keyed {
		return rapid.SampledFrom([]cell{int64(i), int64(i) * 1_000_000_007, int64(math.MinInt64 + i), int64(math.MaxInt64 - i)})
	}
	return rapid.SampledFrom([]cell{int64(i), int64(i), nil, float64(i) + 0.25, strings.Repeat("i", i), []byte{byte(i)}})
}
