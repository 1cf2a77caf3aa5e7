package sqlstore

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

func TestLongText(t *testing.T) {
	t.Parallel()
	const big = 20 << 20
	path := newDB(t, walMode,
		fmt.Sprintf("INSERT INTO tasks (id, stage, repo, work_item_id) VALUES (1, 's', printf('%%.*c', %d, 'x'), zeroblob(%d))", big, big),
		"INSERT INTO tasks (id, stage, repo) VALUES (2, 's', printf('%.*c', 4096, 'x')), (3, 's', 'a' || replace(hex(zeroblob(3000)), '00', 'ä')), "+
			"(4, 's', CAST(x'61ff62' AS TEXT)), (5, 's', CAST(x'610062' AS TEXT)), (6, 's', '')",
		fmt.Sprintf("INSERT INTO jobs (id, status, agent, pid) VALUES (1, 'running', printf('%%.*c', %d, '🙂'), zeroblob(%d))", big/4, big))
	store := newStore(t, path)
	tasks, err := store.ActiveTasks(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, tasks.Anomalies, "a blob is no text, however long; a long text is one")
	assert.Nil(t, tasks.Value[0].WorkItem)
	for i, want := range []string{
		strings.Repeat("x", 4096), strings.Repeat("x", 4096), "a" + strings.Repeat("ä", 2047), "a�b", "a\x00b", "",
	} {
		got := *tasks.Value[i].Repo
		assert.Equalf(t, want, got, "task %d: %d bytes, want %d", i+1, len(got), len(want))
	}
	jobs, err := store.RunningJobs(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, jobs.Anomalies)
	assert.Nil(t, jobs.Value[0].PID)
	assert.True(t, utf8.ValidString(*jobs.Value[0].Agent))
	assert.Len(t, *jobs.Value[0].Agent, 4096)
}

// TestLongStatus: a status is a key of the answer, and cut as any text. Several
// may become one.
func TestLongStatus(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode, "INSERT INTO jobs (status) VALUES (printf('%.*c', 5000, 'x')), (printf('%.*c', 6000, 'x')), "+
		"(CAST(x'ff' AS TEXT)), (CAST(x'fe' AS TEXT)), ('done'), (x'646f6e65')")
	counts, err := newStore(t, path).StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, domain.StatusCounts{
		"queued": 0, "running": 0, "done": 1, "failed": 0, "cancelled": 0, strings.Repeat("x", 4096): 2, "�": 2,
	}, counts.Value)
	assert.EqualValues(t, 1, counts.Anomalies)
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	noon := new(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	for cell, want := range map[string]*time.Time{
		"'2026-06-01 12:00:00'":       noon,
		"'2026-06-01 12:00'":          noon,
		"'2026-06-01T12:00:00.999Z'":  noon,
		"'2026-06-01 14:00:00+02:00'": noon,
		"'2461193.0'":                 noon,
		"2461193":                     noon,
		"'2026-06-01'":                new(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)),
		"'2000-01-01'":                new(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"'2199-12-31 23:59:59'":       new(time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC)),
		"NULL":                        nil,
	} {
		got := stageSince(t, cell)
		assert.Equal(t, want, got.Value[0].StageSince, cell)
		assert.Zero(t, got.Anomalies, cell)
	}
	for _, cell := range []string{
		"'yesterday'", "''", "'2026-13-01'", "'2026-06-01 25:00'", "'01.06.2026'", "'1780315200'", "1780315200", "-1", "1e300", "9e999",
		"0", "'0'", "'now'", "'12:00'", "'12:34:56'", "'12:34:56-05:00'", "'0001-01-01 00:00:00+00:00'", "'0000-01-01'", "'1999-12-31 23:59:59'",
		"'2200-01-01'", "'9999-12-31 23:59:59'", "'-4713-11-24'", "x'00'", "x''", "zeroblob(1000000)", "'2026-06-01 12:00:00 UTC'",
	} {
		got := stageSince(t, cell)
		assert.Nil(t, got.Value[0].StageSince, cell)
		assert.EqualValues(t, 1, got.Anomalies, cell)
	}
}

// stageSince reads one cell as a timestamp. The column has no type, which would
// convert it.
func stageSince(t *testing.T, cell string) ports.Reading[[]domain.Task] {
	t.Helper()
	path := newDB(t, deleteMode, "DROP TABLE tasks", "CREATE TABLE tasks (id INTEGER PRIMARY KEY, work_item_id, repo, stage, updated_at)",
		"INSERT INTO tasks (stage, updated_at) VALUES ('s', "+cell+")")
	got, err := newStore(t, path).ActiveTasks(t.Context())
	require.NoError(t, err, cell)
	require.Len(t, got.Value, 1, cell)
	return got
}

// TestOverflow: what cannot be summed is missing, and nothing else.
func TestOverflow(t *testing.T) {
	t.Parallel()
	want := results(t, newStore(t, newDB(t, walMode, script(t, "busy.sql"))))
	for name, c := range map[string]struct {
		statement string
		source    string
	}{
		"tokens":   {"INSERT INTO agent_runs (input_tokens) VALUES (9223372036854775807), (1)", "cost"},
		"cost":     {"INSERT INTO agent_runs (cost_usd) VALUES (1.7e308), (1.7e308)", "cost"},
		"attempts": {"UPDATE jobs SET attempts = 9223372036854775807 WHERE id IN (1, 2)", "retries"},
	} {
		for _, exact := range []bool{true, false} {
			store := newStore(t, newDB(t, walMode, script(t, "busy.sql"), c.statement))
			store.opts.Exact = exact
			got := results(t, store)
			require.ErrorIs(t, got[c.source].err, domain.CodeInvalidValue, name)
			assert.Nil(t, got[c.source].value, name)
			requireOthersEqual(t, want, got, c.source)
		}
	}
}

func TestExtremeSums(t *testing.T) {
	t.Parallel()
	path := newDB(t, walMode,
		"INSERT INTO agent_runs (cost_usd, input_tokens) VALUES (-1.7e308, -9223372036854775808), (1.7e308, 9223372036854775807)",
		"INSERT INTO jobs (status, attempts) VALUES ('done', -9223372036854775808), ('done', -5), ('done', 9223372036854775807)")
	store := newStore(t, path)
	costs, err := store.CostTotals(t.Context())
	require.NoError(t, err)
	assert.InDelta(t, 0, *costs.Value.CostUSD, 0)
	assert.EqualValues(t, -1, *costs.Value.InputTokens)
	retries, err := store.Retries(t.Context())
	require.NoError(t, err)
	assert.Equal(t, &domain.Retries{RetriedJobs: 1, RetriesTotal: 9223372036854775806, MaxAttemptsSeen: 9223372036854775807}, retries.Value)
}
