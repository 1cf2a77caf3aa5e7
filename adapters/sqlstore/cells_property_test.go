package sqlstore

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// TestAnyCell fills the tables with cells of any type, and compares what the
// sources say with a model that looks at each cell by itself. The model gets the
// cells from a connection of its own, as SQLite has stored them: the affinity of
// a column converts some.
func TestAnyCell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		path := filepath.Join(dir, strconv.Itoa(run))
		defer os.Remove(path)
		store := newStore(t, path)
		store.opts.Exact = rapid.Bool().Draw(rt, "exact")
		fill(t, rt, path, store)
		db, err := sql.Open("sqlite3", uriOf(path, "mode=ro"))
		require.NoError(rt, err)
		defer db.Close()
		checkTasks(rt, store, db)
		checkJobs(rt, store, db)
		checkQueue(rt, store, db)
		checkCosts(rt, store, db)
	})
}

// fill makes a database of a few rows. The store may have seen the first of them
// before the others came.
func fill(t *testing.T, rt *rapid.T, path string, store *Store) {
	schema := script(t, "schema.sql")
	if rapid.Bool().Draw(rt, "without case") {
		schema = regexp.MustCompile(`(status +TEXT)`).ReplaceAllString(schema, "$1 COLLATE NOCASE")
	}
	if rapid.Bool().Draw(rt, "without types") {
		schema = strings.NewReplacer(" TEXT", " ", " INTEGER", " ", " REAL", " ").Replace(schema)
		schema = strings.ReplaceAll(schema, "PRIMARY KEY", "INTEGER PRIMARY KEY")
	}
	db, err := sql.Open("sqlite3", uriOf(path, "mode=rwc", "_journal_mode=OFF", "_synchronous=OFF"))
	require.NoError(rt, err)
	defer db.Close()
	_, err = db.Exec(schema)
	require.NoError(rt, err)
	seen := rapid.IntRange(0, 3).Draw(rt, "rows that were seen before")
	for row := range 6 {
		tables := columnsOf()
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			if rapid.IntRange(0, 9).Draw(rt, table) > 0 {
				insert(rt, db, table, tables[table], 10*row-20)
			}
		}
		if row == seen {
			_, _ = store.StatusCounts(rt.Context()) // there may be an overflow
			_, _ = store.CostTotals(rt.Context())
		}
	}
}

// insert makes a row, unless a cell may not be NULL.
func insert(rt *rapid.T, db *sql.DB, table string, columns []string, id int) {
	values := []string{strconv.Itoa(id)}
	for _, column := range columns[1:] {
		values = append(values, cell(column).Draw(rt, column))
	}
	_, err := db.Exec("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
	if err != nil {
		require.ErrorContains(rt, err, "NOT NULL")
	}
}

// cell is a literal of any type, often one that suits the column.
func cell(column string) *rapid.Generator[string] {
	quoted := rapid.Map(rapid.SampledFrom([]string{
		"", "text", "it''s", "12", " 12 ", "1e3", "9e999", "-0", "0x10", "nan", "inf", "🙂", "done", "running",
		"2026-06-01 12:00:00", "2026-06-01T12:00:00.5+02:00", "2026-06-01", "12:00", "2461193.5", "-1.5", "2026-02-31", "2026-13-01", "2026-6-1",
	}), func(s string) string { return "'" + s + "'" })
	others := rapid.OneOf(
		rapid.Just("NULL"),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprintf("(%d)", n) }),
		rapid.SampledFrom([]string{
			"9223372036854775807", "(-9223372036854775807 - 1)", "9223372036854775808", "-9223372036854775809", "1.5", "-0.0", "1e300", "9e999",
			"-9e999", "2.0", "5e-324",
		}),
		quoted,
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return "x'" + hex.EncodeToString(b) + "'" }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return "CAST(x'" + hex.EncodeToString(b) + "' AS TEXT)" }),
		rapid.SampledFrom([]string{
			"printf('%.*c', 5000, 'ä')", "printf('%.*c', 4096, 'a')", "printf('%.*c', 4095, 'a') || '🙂'", "zeroblob(5000)",
			"printf('%.*c', 10000, 'ä')", "zeroblob(100000)",
			"CAST(x'ff' AS TEXT) || printf('%.*c', 5000, 'a')", "'a' || char(0) || printf('%.*c', 5000, 'b')",
			"CAST(replace(hex(zeroblob(5000)), '00', char(0)) AS BLOB)", "CAST(replace(printf('%.*c', 3000, 'a'), 'a', CAST(x'fffe' AS TEXT)) || 'tail' AS TEXT)",
		}),
	)
	usual := map[string][]string{
		"stage": {"'review'", "'done'", "'cancelled'"}, "status": {"'running'", "'running'", "'queued'", "'Queued'", "'done'", "'other'"},
		"run_id": {"-20", "-10", "0", "10", "1000"}, "task_id": {"-20", "-10", "0", "10", "1000"}, "model": {"'m'", "'m'", "'n'", "NULL"}, "attempts": {"0", "1", "2", "7"}, "cost_usd": {"0.25", "1.5", "3"},
	}[column]
	if usual == nil {
		return others
	}
	return rapid.OneOf(others, rapid.SampledFrom(usual))
}

// model reads cells as the sources should, and counts what it cannot read.
type model struct {
	anomalies int64
}

// cellText is how a text shows.
func cellText(value string) string {
	value = value[:min(len(value), 4100)] // what comes after that is not looked at
	var kept strings.Builder
	for _, r := range strings.ToValidUTF8(value, "�") {
		if kept.Len()+utf8.RuneLen(r) > 4096 {
			break
		}
		kept.WriteRune(r)
	}
	return kept.String()
}

func (m *model) text(value any) *string {
	if text, ok := value.(string); ok {
		return new(cellText(text))
	}
	m.count(value)
	return nil
}

// numeral is a number as SQLite takes a text for one.
var numeral = regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)[ \t\n\v\f\r]*$`)

// number is a cell as an exact number, if it is one.
func number(value any) *big.Rat {
	switch value := value.(type) {
	case int64:
		return new(big.Rat).SetInt64(value)
	case float64:
		return new(big.Rat).SetFloat64(value)
	case string:
		found := numeral.FindStringSubmatch(value)
		if found == nil {
			return nil
		}
		if float, err := strconv.ParseFloat(found[1], 64); err != nil || strings.ContainsAny(found[1], ".eE") {
			return new(big.Rat).SetFloat64(float)
		}
		exact, _ := new(big.Rat).SetString(found[1])
		return exact
	}
	return nil
}

func (m *model) integer(value any) *int64 {
	_, whole := value.(int64)
	text, _ := value.(string)
	whole = whole || text != "" && !strings.ContainsAny(text, ".eE")
	if n := number(value); n != nil && n.IsInt() && n.Num().IsInt64() {
		if limit := n.Num().Int64(); whole || limit <= 1<<53 && limit >= -1<<53 {
			return &limit
		}
	}
	m.count(value)
	return nil
}

func (m *model) real(value any) *float64 {
	if n := number(value); n != nil {
		float, _ := n.Float64()
		if !math.IsInf(float, 0) {
			return &float
		}
	}
	m.count(value)
	return nil
}

// dated is a text with a date in it.
var dated = regexp.MustCompile(`^\d{4}-|^[\d.]+$`)

// instant takes the cell and what strftime makes of it, which is what defines a
// timestamp, as long as there is a date in it that can be one.
func (m *model) instant(value, epoch any) *time.Time {
	if text, ok := epoch.(string); ok && value != nil {
		seconds, err := strconv.ParseInt(text, 10, 64)
		at := time.Unix(seconds, 0).UTC()
		written, isText := value.(string)
		if err == nil && at.Year() >= 2000 && at.Year() < 2200 && (!isText || dated.MatchString(written)) {
			return &at
		}
	}
	m.count(value)
	return nil
}

// count counts a cell that is there but could not be read.
func (m *model) count(value any) {
	if value != nil {
		m.anomalies++
	}
}

// stored is all rows of a query, as SQLite has them: expressions have no declared
// type by which the driver would convert them.
func stored(rt *rapid.T, db *sql.DB, query string) [][]any {
	var all [][]any
	each(rt, db, query, func(rows *sql.Rows) {
		names, err := rows.Columns()
		require.NoError(rt, err)
		row := make([]any, len(names))
		targets := make([]any, len(names))
		for i := range row {
			targets[i] = &row[i]
		}
		require.NoError(rt, rows.Scan(targets...))
		all = append(all, row)
	})
	return all
}

func checkTasks(rt *rapid.T, store *Store, db *sql.DB) {
	var m model
	want := []domain.Task{}
	for _, row := range stored(rt, db, `SELECT id, +work_item_id, +stage, +repo, +updated_at, strftime('%s', updated_at)
		FROM tasks WHERE stage NOT IN ('done','cancelled') ORDER BY id`) {
		task := domain.Task{ID: row[0].(int64), WorkItem: m.text(row[1]), Repo: m.text(row[3]), StageSince: m.instant(row[4], row[5])}
		if stage := m.text(row[2]); stage != nil {
			task.Stage = *stage
		}
		want = append(want, task)
	}
	got, err := store.ActiveTasks(rt.Context())
	require.NoError(rt, err)
	require.Equal(rt, want, got.Value)
	require.Equal(rt, m.anomalies, got.Anomalies)
}

func checkJobs(rt *rapid.T, store *Store, db *sql.DB) {
	var m model
	want := []domain.RunningJob{}
	for _, row := range stored(rt, db, `SELECT j.id, +j.run_id, +j.agent, +j.repo, +j.pid, +j.started_at, strftime('%s', j.started_at),
		+r.model, +r.effort, +r.cost_usd, +r.input_tokens, +r.output_tokens, +r.cache_read_tokens, +r.cache_creation_tokens,
		+j.task_id, (SELECT +t.work_item_id FROM tasks t WHERE t.id = j.task_id)
		FROM jobs j LEFT JOIN agent_runs r ON r.id = j.run_id WHERE j.status = 'running' ORDER BY j.id`) {
		want = append(want, domain.RunningJob{
			ID: row[0].(int64), RunID: m.integer(row[1]), Agent: m.text(row[2]), Repo: m.text(row[3]), PID: m.integer(row[4]),
			StartedAt: m.instant(row[5], row[6]), Model: m.text(row[7]), Effort: m.text(row[8]), CostUSD: m.real(row[9]),
			InputTokens: m.integer(row[10]), OutputTokens: m.integer(row[11]),
			CacheReadTokens: m.integer(row[12]), CacheCreationTokens: m.integer(row[13]),
			TaskID: m.integer(row[14]), WorkItem: new(model).text(row[15]),
		})
	}
	for _, row := range stored(rt, db, "SELECT +work_item_id FROM tasks WHERE id IN (SELECT task_id FROM jobs WHERE status = 'running')") {
		m.text(row[0])
	}
	got, err := store.RunningJobs(rt.Context())
	require.NoError(rt, err)
	require.Equal(rt, want, got.Value)
	require.Equal(rt, m.anomalies, got.Anomalies)
}
