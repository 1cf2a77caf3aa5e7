package profile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/orchmetrics/orchmetrics/domain"
)

// numberOf computes what idOf is to, in another way.
func numberOf(ref string) int64 {
	sum := sha256.Sum256([]byte(ref))
	digits := new(big.Int)
	digits.SetString(hex.EncodeToString(sum[:]), 16)
	digits.Rsh(digits, 256-53)
	if digits.Sign() == 0 {
		return 1
	}
	return digits.Int64()
}

func TestIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ref := rapid.String().Draw(t, "ref")
		id := idOf(ref)
		assert.Equal(t, numberOf(ref), id)
		assert.Equal(t, id, int64(float64(id)), "it survives a float")
		assert.Positive(t, id)
	})
	path := database(t, `CREATE TABLE jobs (id, n INTEGER)`,
		`INSERT INTO jobs VALUES ('t_1', 1), ('t_2', 2), (x'00112233445566778899AABBCCDDEEFF', 3), (42, 4)`,
		`INSERT INTO jobs VALUES (NULL, 5), (1.5, 6), (x'01', 7), ('t_1', 8), (x'', 9), ('', 10)`)
	s := over(t, head+"running: {sql: SELECT id AS job_ref FROM jobs ORDER BY n}\n", path, exact)
	got, err := s.RunningJobs(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	var refs []string
	for i, job := range got.Value {
		refs = append(refs, *job.Ref)
		assert.Equal(t, numberOf(*job.Ref), job.ID)
		if i > 0 {
			assert.Less(t, got.Value[i-1].ID, job.ID, "in the order of the number")
		}
	}
	assert.ElementsMatch(t, []string{"t_1", "t_2", "00112233-4455-6677-8899-aabbccddeeff", "42"}, refs)
	assert.Positive(t, got.Anomalies)
}

// TestTimes: each form, and what is none of it.
func TestTimes(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		form, cell string // as SQL
		want       *time.Time
	}{
		{timeSQL, "'2026-06-01 12:00:00'", &noon},
		{timeSQL, "'2026-06-01T14:00:00.25+02:00'", &noon},
		{timeSQL, "'2026-06-01'", new(noon.Add(-12 * time.Hour))},
		{timeSQL, "'now'", nil},
		{timeSQL, "'12:00'", nil},
		{timeSeconds, "1780315200", &noon},
		{timeSeconds, "1780315200.75", &noon},
		{timeSeconds, "'1780315200'", &noon},
		{timeSeconds, "1780315200000", nil},
		{timeSeconds, "0", nil},
		{timeSeconds, "-5", nil},
		{timeSeconds, "9e999", nil},
		{timeSeconds, "x'01'", nil},
		{timeSeconds, "'soon'", nil},
		{timeMillis, "1780315200999", &noon},
		{timeMillis, "1780315200", nil},
		{timeMicros, "1780315200999999", &noon},
		{timeMicros, "1780315200000000.0", &noon},
		{timeRFC3339, "'2026-06-01T12:00:00Z'", &noon},
		{timeRFC3339, "'2026-06-01t12:00:00.123456789z'", &noon},
		{timeRFC3339, "'2026-06-01 17:30:00+05:30'", &noon},
		{timeRFC3339, "'2026-06-01 12:00:00'", nil},
		{timeRFC3339, "'1999-12-31T23:59:59Z'", nil},
		{timeRFC3339, "'2200-01-01T00:00:00Z'", nil},
		{timeRFC3339, "1780315200", nil},
		{timeGo, "'2026-06-01 12:00:00.5 +0000 UTC'", &noon},
		{timeGo, "'2026-06-01 14:00:00 +0200 CEST m=+12.345'", &noon},
		{timeGo, "'2026-06-01 09:00:00.000001 -0300 -0300'", &noon},
		{timeGo, "'2026-06-01T12:00:00Z'", nil},
	} {
		t.Run(tt.form+" "+tt.cell, func(t *testing.T) {
			t.Parallel()
			path := database(t, "CREATE TABLE tasks (id INTEGER PRIMARY KEY, s TEXT, at)", "INSERT INTO tasks VALUES (1, 's', "+tt.cell+"), (2, 's', NULL)")
			s := over(t, head+"stages:\n  sql: SELECT id AS task_id, s AS stage, at AS since FROM tasks\n  times: {since: "+tt.form+"}\n", path, exact)
			got, err := s.ActiveTasks(t.Context())
			require.NoError(t, err)
			require.Len(t, got.Value, 2)
			assert.Equal(t, tt.want, got.Value[0].StageSince)
			assert.Nil(t, got.Value[1].StageSince)
			assert.Equal(t, tt.want == nil, got.Anomalies == 1, "%d anomalies", got.Anomalies)
		})
	}
	parsed := time.Now()
	for _, zone := range []*time.Location{time.UTC, time.Local, time.FixedZone("CEST", 7200), time.FixedZone("", -9000)} {
		at, err := parseTime(timeGo, parsed.In(zone).String())
		require.NoError(t, err)
		assert.Equal(t, parsed.Unix(), at.Unix())
	}
}

// TestAnyCells: whatever is in the cells, each costs itself.
func TestAnyCells(t *testing.T) {
	t.Parallel()
	columns := "id, run, agent, repo, pid, host, started_at, model, effort, cost, i, o, r, c"
	cells := []string{
		"NULL", "0", "-1", "9223372036854775807", "1.5", "9e999", "-9e999", "'text'", "''", "'12.50'", "' 7 '", "x''", "x'ff00'",
		"'2026-06-01 12:00:00'", "CAST(x'c3' AS TEXT)", "'a' || char(0) || 'b'", "printf('%5000d', 1)", "CAST(zeroblob(20000000) AS TEXT)",
	}
	values := []string{}
	id := 0
	for _, cell := range cells {
		for column := range strings.Count(columns, ",") {
			id++
			row := slicesRepeat("NULL", 14)
			row[0], row[column+1] = strconv.Itoa(id), cell
			if cell == cells[len(cells)-1] && column > 0 {
				continue // one of 20 MB is enough
			}
			values = append(values, "INSERT INTO jobs VALUES ("+strings.Join(row, ", ")+")")
		}
	}
	path := database(t, append([]string{"CREATE TABLE jobs (" + columns + ")", "BEGIN"}, append(values, "COMMIT")...)...)
	s := over(t, head+`running:
  sql: |
    SELECT id AS job_id, run AS run_id, agent, repo, pid, host, started_at, model, effort, cost AS cost_usd,
      i AS input_tokens, o AS output_tokens, r AS cache_read_tokens, c AS cache_creation_tokens
    FROM jobs
`, path, exact)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := s.RunningJobs(ctx)
	require.NoError(t, err)
	require.Len(t, got.Value, len(values))
	for _, job := range got.Value {
		for _, text := range []*string{job.Agent, job.Repo, job.Host, job.Model, job.Effort} {
			if text != nil {
				assert.LessOrEqual(t, len(*text), 4096)
				assert.Equal(t, strings.ToValidUTF8(*text, "?"), *text)
			}
		}
		if job.CostUSD != nil {
			assert.Less(t, *job.CostUSD, 1e300)
		}
	}
	assert.Greater(t, got.Anomalies, int64(50))
	envelope := domain.Envelope{Agents: []domain.Agent{{Agent: got.Value[0].Agent}}}
	_, err = domain.Encode(envelope)
	require.NoError(t, err)
}

func slicesRepeat(text string, n int) []string {
	return strings.Split(strings.Repeat(text+",", n-1)+text, ",")
}

func TestCounts_States(t *testing.T) {
	t.Parallel()
	path := database(t, `CREATE TABLE t (s, n)`, `INSERT INTO t VALUES ('ready', 2), ('later', 3), ('ok', 5), ('odd', 1), ('running', 9), ('queued', 1), (NULL, 4), (7, 4), ('x', NULL)`)
	profile := head + "states: {queued: [ready, later], done: [ok]}\ncounts: {sql: \"SELECT s AS status, n AS jobs FROM t\"}\n"
	got, err := over(t, profile, path, exact).StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, domain.StatusCounts{"queued": 6, "running": 9, "done": 5, "failed": 0, "cancelled": 0, "odd": 1}, got.Value)

	// What waits and what runs is counted by their own queries.
	profile += "running: {sql: SELECT 1 AS job_id UNION SELECT 2}\nwaiting: {sql: SELECT 70 AS jobs}\n"
	got, err = over(t, profile, path, exact).StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, domain.StatusCounts{"queued": 70, "running": 2, "done": 5, "failed": 0, "cancelled": 0, "odd": 1}, got.Value)
}

// TestCounts_Beyond: what is no number of jobs, or too many of them, is not shown.
func TestCounts_Beyond(t *testing.T) {
	t.Parallel()
	path := database(t, `CREATE TABLE t (s, n)`, `INSERT INTO t VALUES ('ready', -2), ('later', 9223372036854775807), ('odd', 1)`)
	profile := head + "states: {queued: [ready, later, odd]}\ncounts: {sql: \"SELECT s AS status, n AS jobs FROM t WHERE s <> '%s'\"}\n"
	got, err := over(t, fmt.Sprintf(profile, "odd"), path, exact).StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, int64(1), got.Anomalies)
	assert.Equal(t, int64(math.MaxInt64), got.Value["queued"])
	got, err = over(t, fmt.Sprintf(profile, "ready"), path, exact).StatusCounts(t.Context())
	require.ErrorIs(t, err, domain.CodeInvalidValue)
	assert.Nil(t, got.Value)
}

// TestModels_OfOneName: models whose names cannot be told apart once they are read are one.
func TestModels_OfOneName(t *testing.T) {
	t.Parallel()
	path := database(t, `CREATE TABLE t (m, n, c)`, `INSERT INTO t VALUES (NULL, 1, 0.5), (x'01', 2, 1), (CAST(x'ff' AS TEXT), 4, 2), (CAST(x'fe' AS TEXT), 8, NULL)`)
	profile := head + "totals: {sql: SELECT 15 AS runs}\nmodels: {sql: \"SELECT m AS model, n AS runs, c AS cost_usd FROM t%s\"}\n"
	got, err := over(t, fmt.Sprintf(profile, ""), path, exact).CostTotals(t.Context())
	require.ErrorIs(t, err, domain.CodeUnreadableCells)
	assert.Equal(t, []domain.ModelCost{
		{Model: new("\ufffd"), CostTotals: domain.CostTotals{Runs: 12, CostUSD: new(2.0)}}, {CostTotals: domain.CostTotals{Runs: 3, CostUSD: new(1.5)}},
	}, got.Value.ByModel)
	_, err = over(t, fmt.Sprintf(profile, " UNION ALL SELECT NULL, 9223372036854775807, 1"), path, exact).CostTotals(t.Context())
	require.ErrorIs(t, err, domain.CodeInvalidValue)
}

func TestOneRow(t *testing.T) {
	t.Parallel()
	path := database(t, "CREATE TABLE t (n)")
	for sql, code := range map[string]domain.Code{
		"SELECT n AS runs FROM t":                 domain.CodeInvalidValue,
		"SELECT 1 AS runs UNION SELECT 2":         domain.CodeInvalidValue,
		"SELECT NULL AS runs":                     domain.CodeUnreadableCells,
		"SELECT 'x' AS runs":                      domain.CodeUnreadableCells,
		"SELECT -1 AS runs":                       domain.CodeUnreadableCells,
		"SELECT 1 AS runs, 'x' AS cost_usd":       domain.CodeUnreadableCells,
		"SELECT 1 AS runs, 3 AS unreadable_cells": domain.CodeUnreadableCells,
		"SELECT 1 AS runs, sum(9223372036854775807) AS input_tokens FROM (SELECT 1 UNION SELECT 2)": domain.CodeInvalidValue,
		"SELECT count(*) AS runs FROM gone": domain.CodeSchemaDrift,
		"SELECT count(gone) AS runs FROM t": domain.CodeSchemaDrift,
	} {
		got, err := over(t, head+fmt.Sprintf("totals: {sql: %q}\n", sql), path, exact).CostTotals(t.Context())
		require.ErrorIs(t, err, code, sql)
		if code == domain.CodeInvalidValue || code == domain.CodeSchemaDrift {
			assert.Nil(t, got.Value, sql)
		}
	}
	got, err := over(t, head+"totals: {sql: \"SELECT 1 AS runs, NULL AS cost_usd\"}\n", path, exact).CostTotals(t.Context())
	require.NoError(t, err)
	assert.Equal(t, &domain.RunCosts{CostTotals: domain.CostTotals{Runs: 1}}, got.Value, "what is not returned is not known")
}
