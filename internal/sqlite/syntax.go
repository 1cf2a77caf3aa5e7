package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Syntax tells what SQLite finds wrong in a statement as it is written, without any
// database: nil if that is nothing, or cannot be told, as without cgo. Names of tables
// and columns are not looked up.
func Syntax(statement string) error {
	db := sql.OpenDB(newConnector(":memory:", time.Second, "mode=memory"))
	defer func() { _ = db.Close() }()
	prepared, err := db.PrepareContext(context.Background(), statement)
	if err == nil {
		defer func() { _ = prepared.Close() }()
		return nil
	}
	for _, sign := range []string{
		"syntax error", "unrecognized token", "incomplete input", "no such function", "wrong number of arguments",
		"not authorized",
	} {
		if strings.Contains(err.Error(), sign) {
			return err //nolint:wrapcheck // it is what SQLite says
		}
	}
	return nil
}
