package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Place is where the database lies and who may do what there, as far as stat
// tells: for whoever sets the service up.
type Place struct {
	// Path is absolute; symbolic links are resolved if they lead anywhere.
	Path string
	// Bytes is the size of the database file, Mode its permissions.
	Bytes int64
	Mode  fs.FileMode
	// Live tells whether both sidecars are there, as while the orchestrator runs
	// and after it crashed.
	Live bool
	// Owner has the user and group of the database; nil if there is none.
	Owner *Owner
	// Sidecars has the owner of each of -wal, -shm and -journal that is there.
	Sidecars map[string]Owner
	// Directory is nil if it may not be looked at.
	Directory *Directory
}

// Owner is a user and a group.
type Owner struct {
	UID, GID uint32
}

// Directory is the one the database lies in.
type Directory struct {
	Owner

	Mode fs.FileMode
	// Writable tells whether this process may create files in it.
	Writable bool
}

// Place looks at the files, without opening any of them. The error says why the
// database cannot be read, and wraps a domain.Code; what was found out all the
// same comes with it.
func (e *Engine) Place() (Place, error) {
	found, err := inspect(e.path)
	place := Place{Path: found.path, Live: found.live, Sidecars: map[string]Owner{}}
	if found.db.there {
		place.Bytes, place.Mode, place.Owner = found.db.size, found.db.mode, &Owner{found.db.uid, found.db.gid}
	}
	for _, suffix := range sidecars {
		if sidecar, err := stat(found.path + suffix); err == nil && sidecar.mode.IsRegular() {
			place.Sidecars[suffix] = Owner{sidecar.uid, sidecar.gid}
		}
	}
	dir := filepath.Dir(found.path)
	if its, err := stat(dir); err == nil {
		place.Directory = &Directory{Owner: Owner{its.uid, its.gid}, Mode: its.mode, Writable: access(dir, unix.W_OK) == nil}
	}
	return place, err
}

// WAL opens the database as a scrape does, and tells whether it is in WAL mode or
// uses a rollback journal. The error wraps a domain.Code.
func (e *Engine) WAL(ctx context.Context) (bool, error) {
	conn, state, err := e.Connect(ctx)
	if err != nil {
		if _, known := errors.AsType[domain.Code](err); !known {
			err = fmt.Errorf("%w: %w", cmp.Or(driverCode(err), domain.CodeDBUnreadable), err)
		}
		return false, err
	}
	defer conn.Close()
	return !state.Blocking, nil
}
