package sqlite

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSyntax(t *testing.T) {
	for _, statement := range []string{
		"SELECT 1", "SELECT id FROM no_such_table", "WITH a AS (SELECT 1 AS x) SELECT x FROM a", "SELECT json_extract(payload, '$.a') FROM t",
	} {
		require.NoError(t, Syntax(statement), statement)
	}
	for statement, says := range map[string]string{
		"SELECT id FORM t":                      `near "t": syntax error`,
		"SELECT (1":                             "incomplete input",
		"SELECT load_extension('evil')":         "not authorized",
		"SELECT readfile('/etc/passwd')":        "no such function: readfile",
		"SELECT count(1, 2, 3) FROM (SELECT 1)": "wrong number of arguments",
	} {
		assert.ErrorContains(t, Syntax(statement), says, statement)
	}
}
