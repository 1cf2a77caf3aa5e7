package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"
)

// Syntax tells what SQLite finds wrong in a statement as it is written, without any
// database: nil if that is nothing, or cannot be told. Names of tables and columns
// are not looked up.
func Syntax(statement string) error {
	connection, err := newConnector(":memory:", time.Second, "mode=memory").Connect(context.Background())
	if err != nil {
		return nil // without cgo there is nobody to ask
	}
	defer func() { _ = connection.Close() }()
	preparer, ok := connection.(driver.ConnPrepareContext)
	if !ok {
		return nil
	}
	prepared, err := preparer.PrepareContext(context.Background(), statement)
	if err == nil {
		_ = prepared.Close()
		return nil
	}
	for _, sign := range []string{
		"syntax error", "unrecognized token", "incomplete input", "no such function", "wrong number of arguments",
		"not authorized",
	} {
		if strings.Contains(err.Error(), sign) {
			return errors.New(err.Error())
		}
	}
	return nil
}
