//go:build cgo

package sqlite

import (
	"errors"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Extended result codes that the driver does not name; see
// https://www.sqlite.org/rescode.html.
const (
	errReadonlyCantInit  = sqlite3.ErrNoExtended(8 | 5<<8)
	errReadonlyDirectory = sqlite3.ErrNoExtended(8 | 6<<8)
)

// driverCode translates SQLite's result code.
func driverCode(err error) domain.Code {
	var failure sqlite3.Error
	if !errors.As(err, &failure) {
		return ""
	}
	switch failure.ExtendedCode {
	case sqlite3.ErrReadonlyRecovery, sqlite3.ErrReadonlyCantLock, sqlite3.ErrReadonlyRollback,
		errReadonlyCantInit, errReadonlyDirectory:
		// All of them: reading would need a repair that only a writer may do.
		return domain.CodeDBNotLive
	case sqlite3.ErrIoErrShortRead:
		return domain.CodeDBCorrupt
	}
	switch failure.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
		return domain.CodeDBBusy
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat:
		return domain.CodeDBCorrupt
	case sqlite3.ErrCantOpen, sqlite3.ErrIoErr:
		return domain.CodeDBUnreadable
	case sqlite3.ErrNomem, sqlite3.ErrTooBig: // more than maxHeap, or than a cell can be
		return domain.CodeTooLarge
	case sqlite3.ErrPerm:
		return domain.CodeDBPermission
	case sqlite3.ErrInterrupt:
		return domain.CodeTimeout
	case sqlite3.ErrSchema:
		return domain.CodeSchemaDrift
	case sqlite3.ErrError:
		return statementCode(failure.Error())
	default:
		return ""
	}
}

// statementCode tells the two faults apart for which SQLite has no code: an
// object that is not there (a view over a dropped table, say), and a sum that
// left the range of a 64-bit integer.
func statementCode(message string) domain.Code {
	switch {
	case strings.Contains(message, "integer overflow"):
		return domain.CodeInvalidValue
	case strings.HasPrefix(message, "no such "), strings.Contains(message, "no such column"):
		return domain.CodeSchemaDrift
	default:
		return ""
	}
}

// cannotOpen tells whether SQLite refused to open the file as it was asked to.
func cannotOpen(err error) bool {
	var failure sqlite3.Error
	return errors.As(err, &failure) && failure.Code == sqlite3.ErrCantOpen
}
