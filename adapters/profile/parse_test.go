package profile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// head is what every profile begins with: its lines are 1 to 4.
const head = `profile: 1
name: mine
databases:
  db: ~/mine/state.db
`

const stages = `stages:
  sql: SELECT id AS task_id, state AS stage FROM tasks
`

// broken profiles, and what is said of each: where, and what to write.
var broken = []struct{ name, content, says string }{
	// The file.
	{"empty", "", "p.yaml: it is empty; `api profiles show hermes` prints one to start with"},
	{"a comment", "# nothing\n", "p.yaml: it is empty; `api profiles show hermes` prints one to start with"},
	{"only a mark", "---\n", "p.yaml:2: it is empty; write keys and their values, one a line"},
	{"a text", "hello", "p.yaml:1: it is a text; write keys and their values, one a line"},
	{"a list", "- profile: 1\n", "p.yaml:1: it is a list; write keys and their values, one a line"},
	{"a number", "7", "p.yaml:1: it is the number 7; write keys and their values, one a line"},
	{"no YAML", "profile: 1\n\tname: x\n", "p.yaml:2: it is no YAML: found a tab character that violates indentation"},
	{"a quote open", "profile: 1\nname: \"x\n", "it is no YAML: found unexpected end of stream"},
	{"a bracket open", head + "states: {queued: [a\n", "it is no YAML: did not find expected ',' or ']'"},
	{"two documents", head + stages + "---\n" + head + stages, "a second document begins; write one profile a file"},
	{"binary", "\x00\x01\x02", "it is no YAML: control characters are not allowed"},
	{"not UTF-8", "name: \xff\xfe", "it is no YAML: invalid"},
	{"10 MB", head + strings.Repeat("# padding\n", 1<<20), "p.yaml: it has more than 262144 bytes; a profile has a few queries and nothing else"},
	{"deep", strings.Repeat("[", 100_000), "it is no YAML: exceeded max depth of 10000"},
	{"deep, in blocks", deep(), "it is no YAML: exceeded max depth of 10000"},
	{"a bomb of aliases", bomb, "p.yaml:1: there is no key \"a\""},
	{"a bomb in a value", head + "about: &a x\n" + stages, "p.yaml:5: about: anchors and aliases (& and *) are not read; write the value itself"},
	{"an alias", head + "about: *a\n" + stages, "it is no YAML: unknown anchor 'a' referenced"},
	{"an alias that is known", "profile: 1\nname: &n mine\nabout: *n\n", "p.yaml:2: name: anchors and aliases (& and *) are not read; write the value itself"},
	{"an alias as a mapping", head + "stages: &s {sql: SELECT 1}\nrunning: *s\n", "p.yaml:5: stages: anchors and aliases (& and *) are not read; write the value itself"},
	{"an anchor on all", "&a\n" + head + stages, "p.yaml:1: anchors and aliases (& and *) are not read; write the value itself"},
	{"a merge", head + "<<: {about: x}\n" + stages, "p.yaml:5: there is no key \"<<\"; there are profile, name, about, databases, states, stages, running, waiting, counts, retries, totals, models"},
	{"a tag", "profile: 1\nname: !!str mine\n", "p.yaml:2: name: tags (!!str) are not read; leave it out"},
	{"a tag of its own", head + "states: !python/object {}\n" + stages, "p.yaml:5: states: tags (!python/object) are not read; leave it out"},
	{"a key that is a list", head + "? [a]\n: b\n", "p.yaml:5: a key is no word"},
	{"a key that is empty", head + "\"\": b\n", "p.yaml:5: a key is no word"},

	// Keys.
	{"an unknown key", head + "stagse:\n  sql: SELECT 1\n", "p.yaml:5: there is no key \"stagse\"; there are profile, name, about, databases, states, stages, running, waiting, counts, retries, totals, models; did you mean stages?"},
	{"a key in capitals", head + "Stages:\n  sql: SELECT 1\n", "p.yaml:5: there is no key \"Stages\""},
	{"a key twice", head + "name: other\n" + stages, "p.yaml:5: name: the key is there twice"},
	{"a key of lines, twice", head + "states: {\"a\\nok: b\": [], \"a\\nok: b\": []}\n", "p.yaml:5: states: there is no key"},
	{"a name of lines, twice", "profile: 1\nname: mine\ndatabases: {\"a\\nok: b\": x, \"a\\nok: b\": x}\n", "p.yaml:3: databases.a\ufffdok: b: the key is there twice"},
	{"a long key", head + strings.Repeat("x", 100_000) + ": 1\n", "it is no YAML: could not find expected ':'"},
	{"a long key in quotes", head + "? \"" + strings.Repeat("x", 100_000) + "\"\n: 1\n", "p.yaml:5: there is no key \"xxxx"},
	{"a query twice", head + stages + stages, "p.yaml:7: stages: the key is there twice"},
	{"no version", "name: mine\n" + stages, "p.yaml: profile: the key is missing; write profile: 1, which is the version of the format"},
	{"another version", "profile: 2\nname: mine\n", "p.yaml:1: profile: this program reads version 1; write profile: 1"},
	{"a version that is a list", "profile: [1]\n", "p.yaml:1: profile: this program reads version 1; write profile: 1"},
	{"no name", "profile: 1\n", "p.yaml: name: the key is missing; write a name of lower-case letters, digits and dashes"},
	{"an empty name", "profile: 1\nname:\n", "p.yaml:2: name: it is empty; write a text"},
	{"a blank name", "profile: 1\nname: ' '\n", "p.yaml:2: name: it is empty; write a text"},
	{"a name that is a number", "profile: 1\nname: 7\n", "p.yaml:2: name: it is the number 7; write a text"},
	{"a name that is a switch", "profile: 1\nname: true\n", "p.yaml:2: name: it is the switch true; write a text"},
	{"a name with spaces", "profile: 1\nname: my own\n", "p.yaml:2: name: \"my own\" is no name; write at most 63 lower-case letters, digits and dashes, a letter first"},
	{"a name that is a path", "profile: 1\nname: ../x\n", "p.yaml:2: name: \"../x\" is no name"},
	{"a name that forges a line", "profile: 1\nname: \"x\\nok: y\\e[2J\"\n", "p.yaml:2: name: \"x\\nok: y\\x1b[2J\" is no name"},
	{"an about of lines", "profile: 1\nname: mine\nabout: |\n  a\n  b\n", "p.yaml:3: about: it has more than one line"},
	{"an about that is a date", "profile: 1\nname: mine\nabout: 2026-06-01\n", "p.yaml:3: about: it is the date 2026-06-01; write a text"},
	{"a long about", "profile: 1\nname: mine\nabout: " + strings.Repeat("x", 70_000) + "\n", "p.yaml:3: about: it has more than 65536 bytes"},
	{"no query", head, "p.yaml: it has no query; write at least stages or running"},

	// Databases.
	{"no databases", "profile: 1\nname: mine\n" + stages, "p.yaml: databases: the key is missing; write a name and a path below it, as in db: ~/app/state.db"},
	{"databases of nothing", "profile: 1\nname: mine\ndatabases: {}\n", "p.yaml:3: databases: there is none; write a name and a path, as in db: ~/app/state.db"},
	{"databases as a path", "profile: 1\nname: mine\ndatabases: /a.db\n", "p.yaml:3: databases: it is a text; write keys and their values, one a line"},
	{"databases as a list", "profile: 1\nname: mine\ndatabases: [a]\n", "p.yaml:3: databases: it is a list; write keys and their values, one a line"},
	{"a database without a path", "profile: 1\nname: mine\ndatabases:\n  db:\n", "p.yaml:4: databases.db: it is empty; write a text"},
	{"a database of settings", "profile: 1\nname: mine\ndatabases:\n  db: {optional: true}\n", "p.yaml:4: databases.db: the key path is missing; write where the database lies"},
	{"a database with an unknown key", "profile: 1\nname: mine\ndatabases:\n  db: {pth: a.db}\n", "p.yaml:4: databases.db: there is no key \"pth\"; there are path, beside, optional; did you mean path?"},
	{"a database with a bad name", "profile: 1\nname: mine\ndatabases:\n  Main DB: a.db\n", "p.yaml:4: databases: \"Main DB\" is no name"},
	{"a switch that is a text", withDatabase("u: {path: a.db, optional: perhaps}"), "p.yaml:5: databases.u.optional: it is a text; write true or false"},
	{"a switch of old YAML", withDatabase("u: {path: a.db, optional: \"yes\"}"), "p.yaml:5: databases.u.optional: it is a text; write true or false"},
	{"a first database that is optional", "profile: 1\nname: mine\ndatabases:\n  db: {path: a.db, optional: true}\n" + stages, "p.yaml:4: databases.db: the first database is the one that must be there, and lies beside no other; write its path alone"},
	{"a path that is a list", withDatabase("u: {path: [a]}"), "p.yaml:5: databases.u.path: it is a list; write a text"},
	{"beside nothing", withDatabase("u: {path: a.db, beside: bd}"), "p.yaml:5: databases.u.beside: there is no database \"bd\"; there are db, u"},
	{"beside itself", withDatabase("u: {path: a.db, beside: u}"), "p.yaml:5: databases.u.beside: it leads in a circle; let one of them have a path of its own"},
	{"a cycle of databases", withDatabase("u: {path: a.db, beside: v}\n  v: {path: b.db, beside: u}"), "p.yaml:5: databases.u.beside: it leads in a circle; let one of them have a path of its own"},
	{"a long cycle of databases", withDatabase("u: {path: a, beside: v}\n  v: {path: b, beside: w}\n  w: {path: c, beside: v}"), "p.yaml:5: databases.u.beside: it leads in a circle"},
	{"an absolute path beside", withDatabase("u: {path: /a.db, beside: db}"), "p.yaml:5: databases.u.path: it cannot begin in the folder of db; write the name of a file, or leave beside out"},
	{
		"beside a server", "profile: 1\nname: mine\ndatabases:\n  db: postgres://h/d\n  u: {path: a.db, beside: db}\n" + stages,
		"p.yaml:5: databases.u.beside: db is on a server, which has no folder; write the whole path",
	},
	{"a URL beside", withDatabase("u: {path: 'postgres://h/d', beside: db}"), "p.yaml:5: databases.u.path: it cannot begin in the folder of db"},
	{"too many databases", withDatabase(many(9)), "databases: there are more than 8"},

	// States.
	{"states as a list", head + "states: [queued]\n" + stages, "p.yaml:5: states: it is a list; write keys and their values, one a line"},
	{"a bad state", head + "states: {qeued: [a]}\n" + stages, "p.yaml:5: states: there is no key \"qeued\"; there are queued, running, done, failed, cancelled; did you mean queued?"},
	{"a state that is a text", head + "states: {queued: a}\n" + stages, "p.yaml:5: states.queued: it is a text; write a list, such as [a, b]"},
	{"a state that is a number", head + "states: {queued: [1]}\n" + stages, "p.yaml:5: states.queued: it is the number 1; write a text"},
	{"a state that is empty", head + "states: {queued: [\"\"]}\n" + stages, "p.yaml:5: states.queued: it is empty; write a text"},
	{"a state twice", head + "states:\n  queued: [a]\n  done: [a]\n" + stages, "p.yaml:7: states.done: \"a\" is queued already; write it once"},
	{"a state that is a switch", head + "states:\n  queued: [on, true]\n" + stages, "p.yaml:6: states.queued: it is the switch true; write a text"},

	// Queries.
	{"a query that is a text", head + "stages: SELECT 1\n", "p.yaml:5: stages: it is a text; write keys and their values, one a line"},
	{"a query of nothing", head + "stages:\n", "p.yaml:5: stages: it is empty; write keys and their values, one a line"},
	{"a query without SQL", head + "stages: {database: db}\n", "p.yaml:5: stages: the key sql is missing; write a SELECT"},
	{"a query with an unknown key", head + "stages: {SQL: SELECT 1}\n", "p.yaml:5: stages: there is no key \"SQL\"; there are sql, database, times"},
	{"SQL that is a list", head + "stages: {sql: [SELECT 1]}\n", "p.yaml:5: stages.sql: it is a list; write a text"},
	{"SQL that is empty", head + "stages: {sql: \"\"}\n", "p.yaml:5: stages.sql: it is empty; write a text"},
	{"SQL that is a comment", head + "stages: {sql: \"-- later\"}\n", "p.yaml:5: stages.sql: there is no statement; write SELECT ..."},
	{"an unknown database", head + stages + "  database: bd\n", "p.yaml:7: stages.database: there is no database \"bd\"; there are db"},
	{"waiting without counts", head + stages + "waiting: {sql: SELECT count(*) AS jobs FROM jobs}\n", "p.yaml:7: waiting: it is shown as a part of counts only, which is missing; write that query, too"},
	{"models without totals", head + stages + "models: {sql: \"SELECT model, count(*) AS runs FROM r GROUP BY model\"}\n", "p.yaml:7: models: it is shown as a part of totals only, which is missing; write that query, too"},

	// Statements.
	{"INSERT", stmt("INSERT INTO tasks VALUES (1)"), "p.yaml:5: stages.sql: the statement begins with INSERT; only a SELECT is run"},
	{"DELETE", stmt("delete from tasks"), "the statement begins with delete; only a SELECT is run"},
	{"PRAGMA", stmt("PRAGMA journal_mode"), "the statement begins with PRAGMA; only a SELECT is run"},
	{"ATTACH", stmt("ATTACH 'x' AS y"), "the statement begins with ATTACH; only a SELECT is run"},
	{"EXPLAIN", stmt("EXPLAIN SELECT 1"), "the statement begins with EXPLAIN; only a SELECT is run"},
	{"BEGIN", stmt("BEGIN EXCLUSIVE"), "the statement begins with BEGIN; only a SELECT is run"},
	{"VALUES", stmt("VALUES (1, 'a')"), "the statement begins with VALUES; only a SELECT is run"},
	{"a SELECT in parentheses", stmt("(SELECT 1)"), "the statement begins with (; only a SELECT is run"},
	{"a write behind WITH", stmt("WITH a AS (SELECT 1) DELETE FROM tasks"), "the statement is DELETE; only a SELECT is run"},
	{"a write within WITH", stmt("WITH a AS (DELETE FROM tasks RETURNING id) SELECT id AS task_id, id AS stage FROM a"), "there is DELETE in the statement; it may only read"},
	{"WITH alone", stmt("WITH a AS (SELECT 1)"), "there is no SELECT behind WITH"},
	{"SELECT INTO", stmt("SELECT id AS task_id, s AS stage INTO other FROM tasks"), "there is INTO in the statement; it may only read"},
	{"FOR UPDATE", stmt("SELECT id AS task_id, s AS stage FROM tasks FOR UPDATE"), "FOR UPDATE locks rows; leave it out"},
	{"two statements", stmt("SELECT id AS task_id, s AS stage FROM tasks; DELETE FROM tasks"), "there is more than one statement; write one SELECT"},
	{"two statements behind a comment", stmt("SELECT id AS task_id, s AS stage FROM tasks /* ; */ ; SELECT 1"), "there is more than one statement; write one SELECT"},
	{"a way out of the subquery", stmt("SELECT id AS task_id, s AS stage FROM t) p; DELETE FROM t; SELECT 1 FROM (SELECT 1"), "a parenthesis is closed that was never opened"},
	{"a parenthesis open", stmt("SELECT (id AS task_id, s AS stage FROM tasks"), "a parenthesis is not closed"},
	{"a parenthesis open before the end", stmt("SELECT count(id AS task_id FROM tasks;"), "a parenthesis is not closed"},
	{"a quote open in SQL", stmt("SELECT 'id AS task_id"), "a quote is not closed"},
	{"a comment open", stmt("SELECT id /* AS task_id"), "a comment is not closed"},
	{"comments in each other", stmt("SELECT id AS task_id /* /* */ */"), "a comment begins within another one"},
	{"a parameter", stmt("SELECT id AS task_id, s AS stage FROM t WHERE s = ?"), "'?' stands for a parameter, of which there are none; write the value itself"},
	{"a named parameter", stmt("SELECT id AS task_id, s AS stage FROM t WHERE s = :state"), "':' stands for a parameter"},
	{"a parameter of another name", stmt("SELECT id AS task_id, s AS stage FROM t WHERE s = @state"), "'@' stands for a parameter"},
	{"a numbered parameter", stmt("SELECT id AS task_id, s AS stage FROM t WHERE s = $1"), "'$' stands for a parameter"},
	{"a text with escapes", stmt(`SELECT id AS task_id, E'\'' AS stage FROM t`), "a text with escapes (E'...') cannot be read here; write it without"},
	{"a syntax error", stmt("SELECT id AS task_id, s AS stage FORM tasks"), "p.yaml:5: stages.sql: a column has no name; write AS and the name behind tasks"},
	{"a syntax error behind FROM", stmt("SELECT id AS task_id, s AS stage FROM tasks WERE 1"), "p.yaml:5: stages.sql: near \"1\": syntax error"},
	{"a function that is not allowed", stmt("SELECT id AS task_id, hex(fts3_tokenizer('x')) AS stage FROM (SELECT 1 AS id)"), "p.yaml:5: stages.sql: not authorized to use function: fts3_tokenizer"},
	{"a function that loads code", stmt("SELECT 1 AS task_id, load_extension('x') AS stage"), "not authorized to use function: load_extension"},
	{"a line of a block", head + "stages:\n  sql: |\n    SELECT id AS task_id,\n      s AS stage\n    FROM t WHERE s = ?\n", "p.yaml:9: stages.sql: '?' stands for a parameter"},

	// Columns.
	{"all columns", stmt("SELECT * FROM tasks"), "* returns columns without their names being known; write each of them"},
	{"all columns of a table", stmt("SELECT id AS task_id, t.* FROM tasks t"), "* returns columns without their names being known; write each of them"},
	{"a column too many", stmt("SELECT id AS task_id, s AS stage, title FROM tasks"), "p.yaml:5: stages.sql: it returns a column \"title\", which is not known; there are task_id, task_ref, stage, work_item, repo, since"},
	{"a column misspelt", stmt("SELECT id AS task_id, s AS stage, x AS work_itme FROM tasks"), "did you mean work_item?"},
	{"a column of another query", stmt("SELECT id AS task_id, s AS stage, x AS pid FROM tasks"), "it returns a column \"pid\", which is not known"},
	{"a column without a name", stmt("SELECT id AS task_id, max(s) FROM tasks"), "a column has no name; write AS and the name behind )"},
	{"a number without a name", stmt("SELECT id AS task_id, 1.5 FROM tasks"), "a column has no name; write AS and the name behind 5"},
	{"a name without AS", stmt("SELECT id AS task_id, max(s) stage FROM tasks"), "a column has no name; write AS and the name behind stage"},
	{"a column twice", stmt("SELECT id AS task_id, s AS stage, t AS stage FROM tasks"), "it returns the column stage twice"},
	{"a comma too many", stmt("SELECT id AS task_id, s AS stage, FROM tasks"), "a column is missing beside a comma"},
	{"an id missing", stmt("SELECT s AS stage FROM tasks"), "it does not return task_id, nor task_ref; one of them is needed"},
	{"two ids", stmt("SELECT id AS task_id, uuid AS task_ref, s AS stage FROM tasks"), "it returns both task_id and task_ref; leave one out: task_id for whole numbers, task_ref for any other id"},
	{"two ids of a run", head + "running: {sql: \"SELECT id AS job_id, r AS run_id, u AS run_ref FROM jobs\"}\n", "it returns both run_id and run_ref"},
	{"a stage missing", stmt("SELECT id AS task_id FROM tasks"), "it does not return stage, which is needed"},
	{"counts without jobs", head + "counts: {sql: SELECT status FROM jobs GROUP BY status}\n", "p.yaml:5: counts.sql: it does not return jobs, which is needed"},
	{"totals without runs", head + "totals: {sql: SELECT sum(c) AS cost_usd FROM r}\n", "p.yaml:5: totals.sql: it does not return runs, which is needed"},
	{"retries without one", head + "retries: {sql: \"SELECT 1 AS retried_jobs, 2 AS retries_total\"}\n", "it does not return max_attempts_seen, which is needed"},

	// Times.
	{"times as a text", head + stages + "  times: unix_s\n", "p.yaml:7: stages.times: it is a text; write keys and their values, one a line"},
	{"a time that is not returned", head + stages + "  times: {since: unix_s}\n", "p.yaml:7: stages.times: the query returns no timestamp; leave times out"},
	{"a time misspelt", stmt("SELECT id AS task_id, s AS stage, t AS since FROM tasks") + "  times: {snce: unix_s}\n", "p.yaml:6: stages.times: \"snce\" is no timestamp that the query returns; there are since; did you mean since?"},
	{"a time of another kind", stmt("SELECT id AS task_id, s AS stage, t AS since FROM tasks") + "  times: {stage: unix_s}\n", "\"stage\" is no timestamp that the query returns; there are since"},
	{"a form misspelt", stmt("SELECT id AS task_id, s AS stage, t AS since FROM tasks") + "  times: {since: unix}\n", "p.yaml:6: stages.times.since: \"unix\" is no form of a timestamp; there are sqlite, unix_s, unix_ms, unix_us, rfc3339, go"},
	{"a form that is a number", stmt("SELECT id AS task_id, s AS stage, t AS since FROM tasks") + "  times: {since: 1000}\n", "p.yaml:6: stages.times.since: it is the number 1000; write a text"},
}

// stmt is a profile with this statement in line 5.
func stmt(statement string) string {
	return "profile: 1\nname: mine\ndatabases: {db: a.db}\nstages:\n  sql: " + fmt.Sprintf("%q", statement) + "\n"
}

func withDatabase(more string) string { return head + "  " + more + "\n" + stages }

func many(n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("d%d: a.db", i))
	}
	return strings.Join(lines, "\n  ")
}

// deep is nested further than any profile, by indentation and by lists in one line.
func deep() string { return strings.Repeat("- ", 100_000) + "x" }

// bomb is the one of a billion laughs.
var bomb = func() string {
	text := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'j'; c++ {
		text += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8)+fmt.Sprintf("*%c", c-1))
	}
	return text
}()

func TestParse_Broken(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(broken), 100)
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("p.yaml", []byte(tt.content), sqlite.Syntax)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.says)
			assert.True(t, strings.HasPrefix(err.Error(), "p.yaml:"), "it says in which file: %s", err)
			assert.NotContains(t, err.Error(), "\n", "it is one line")
			assert.Less(t, len(err.Error()), 1000, "whatever the keys are")
			assert.IsType(t, (*Error)(nil), err) //nolint:testifylint // as it is
		})
	}
}

func TestParse_Whole(t *testing.T) {
	t.Parallel()
	p, err := Parse("p.yaml", []byte(`# A comment.
profile: 1
name: mine
about: An orchestrator
databases:
  board: ~/mine/board.db
  usage: {path: usage.db, beside: board, optional: true}
states:
  queued: [ready, later]
  done: [ok]
stages:
  sql: |
    WITH open AS MATERIALIZED (SELECT id, state, repo FROM tasks WHERE state NOT IN ('done', 'it''s; over')) -- ( a comment
    SELECT DISTINCT t."id" AS task_ref, t.state AS "stage", repo, CASE WHEN x IS DISTINCT FROM 1 THEN 'a, b' END AS since
    FROM open t, (SELECT 1 AS x) UNION ALL SELECT 1, 2, 3, 4 ORDER BY 1;  /* the end */
  times: {since: unix_ms}
totals:
  database: usage
  sql: >-
    SELECT count(*) AS runs,
    total(cost) AS cost_usd
    FROM runs
`), sqlite.Syntax)
	require.NoError(t, err)
	assert.Equal(t, "mine", p.Name)
	assert.Equal(t, "An orchestrator", p.About)
	assert.Equal(t, []Database{
		{Name: "board", Path: "~/mine/board.db", line: 6},
		{Name: "usage", Path: "usage.db", Beside: "board", Optional: true, line: 7},
	}, p.Databases)
	assert.Equal(t, map[string]string{"ready": "queued", "later": "queued", "ok": "done"}, p.states)
	require.True(t, p.Has(Stages))
	assert.Equal(t, []string{"task_ref", "stage", "repo", "since"}, p.queries[Stages].returns)
	assert.Equal(t, "unix_ms", p.queries[Stages].times["since"])
	assert.NotContains(t, p.queries[Stages].sql, ";  ")
	assert.Equal(t, "usage", p.queries[Totals].database)
	assert.Equal(t, []string{"runs", "cost_usd"}, p.queries[Totals].returns)
	assert.False(t, p.Has(Running))
	assert.Equal(t, 1, p.history())
}

// FuzzParse: no content panics, and whatever is taken is one statement.
func FuzzParse(f *testing.F) {
	for _, tt := range broken {
		if len(tt.content) < 10_000 {
			f.Add([]byte(tt.content))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Parse("p.yaml", content, nil)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		for key, q := range p.queries {
			again, columns, err := examine(q.sql)
			require.NoError(t, err, key)
			assert.Equal(t, q.sql, again, "what is run is a statement without an end")
			assert.Equal(t, q.returns, columns)
		}
	})
}
