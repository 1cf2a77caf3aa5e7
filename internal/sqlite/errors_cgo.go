//go:build cgo

package sqlite

import (
	"errors"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/orchmetrics/orchmetrics/domain"
)

// driverCode translates SQLite's result code, see https://www.sqlite.org/rescode.html.
func driverCode(err error) domain.Code {
	var failure sqlite3.Error
	if !errors.As(err, &failure) {
		return ""
	}
	switch {
	case failure.Code == sqlite3.ErrReadonly && failure.ExtendedCode != sqlite3.ErrNoExtended(sqlite3.ErrReadonly):
		// All of them: reading would need a repair that only a writer may do.
		return domain.CodeDBNotLive
	case failure.ExtendedCode == sqlite3.ErrIoErrShortRead:
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
	}
	// For these two SQLite has no code of its own.
	switch message := failure.Error(); {
	case strings.Contains(message, "integer overflow"): // a sum left the range of 64 bits
		return domain.CodeInvalidValue
	case strings.Contains(message, "no such "): // as behind a view over a dropped table
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
