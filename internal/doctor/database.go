package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// database checks that it is there and can be opened, and says in what state.
func (d *doctor) database(ctx context.Context) Result {
	if d.db == nil && d.cfg.Profile != "" {
		return failed("the profile cannot be read, so that no database is known", "correct ORCH_PROFILE, see settings above")
	}
	if d.db == nil {
		if postgres.Is(d.cfg.DB) {
			return failed("ORCH_DB names no PostgreSQL database", "write postgres://user@host:5432/database; api serve says what is wrong with it")
		}
		return failed("ORCH_DB names no file that could be a database", "write the path of the orchestrator's database")
	}
	if d.postgres != nil {
		return d.server(ctx)
	}
	place, err := d.sqlite.Place()
	if err != nil {
		return dbFailure(place.Path, err)
	}
	wal, err := d.sqlite.WAL(ctx)
	if err != nil {
		return dbFailure(place.Path, err)
	}
	return ok(fmt.Sprintf("%s: %s, %s", place.Path, d.state(place, wal), size(place.Bytes)))
}

// state says whether somebody has the database open, as far as can be told.
func (d *doctor) state(place sqlite.Place, wal bool) string {
	if !wal {
		return "rollback journal instead of WAL"
	}
	if !place.Live {
		return "stopped, WAL mode"
	}
	switch open, known := opened(d.cfg.ProcRoot, place.Path+"-shm"); {
	case open || !known:
		return "live, WAL mode"
	default:
		return "its -wal and -shm are there, but no process in sight has it open (a crash?), WAL mode"
	}
}

// dbFailure says what a code means at a terminal. docs/operations.md has it at
// length.
func dbFailure(path string, err error) Result {
	code := domain.CodeSourceFailed
	_ = errors.As(err, &code)
	advice := map[domain.Code][2]string{
		domain.CodeDBMissing:    {"there is no file", "check ORCH_DB, which is resolved against the working directory; start the orchestrator"},
		domain.CodeDBPermission: {"it may not be read by this user, or not without harm", "see permissions below"},
		domain.CodeDBNotLive:    {"a log holds commits that only a writer can recover", "start the orchestrator, which repairs it"},
		domain.CodeDBBusy:       {"it is locked, or changes while it is read", "try again; if it stays, look for who holds an exclusive lock"},
		domain.CodeDBCorrupt: {
			"it is damaged, or no SQLite database",
			"check ORCH_DB; run PRAGMA integrity_check on a copy",
		},
		domain.CodeDBUnreadable: {"it is no regular file, or the disk fails", "check the path and the disk"},
		domain.CodeSchemaDrift:  {"the file is empty", "start the orchestrator, which writes its tables"},
		domain.CodeTimeout:      {"it was not opened in time", "look at the disk"},
	}
	text, known := advice[code]
	if !known {
		text = [2]string{"it cannot be read", "api snapshot logs the cause"}
	}
	message := path + ": " + text[0]
	if reason := osReason(err); reason != "" && code != domain.CodeDBMissing {
		message += " (" + reason + ")"
	}
	return failed(message, text[1]).as(code)
}

// osReason is what the operating system said, without the path.
func osReason(err error) string {
	var failure *fs.PathError
	var number syscall.Errno
	switch {
	case errors.As(err, &failure):
		return failure.Err.Error()
	case errors.As(err, &number):
		return number.Error()
	default:
		return ""
	}
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d bytes", bytes)
	}
	value, prefix := float64(bytes)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}
