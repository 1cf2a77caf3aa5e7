package sqlite

import (
	"context"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/internal/engine"
)

// Place is where the database lies and who may do what there, as far as stat
// tells: for whoever sets the service up.
type Place struct {
	// Path is absolute; symbolic links are resolved if they lead anywhere.
	Path string
	// Bytes is the size of the database file.
	Bytes int64
	// Live tells whether both sidecars are there, as while the orchestrator runs
	// and after it crashed.
	Live bool
	// Owner has the user and group of the database; nil if there is none.
	Owner *Owner
	// Sidecars has the owner of each of -wal, -shm and -journal that is there.
	Sidecars map[string]Owner
	// Writable tells whether this process may create files beside it.
	Writable bool
}

// Owner is a user and a group.
type Owner struct {
	UID, GID uint32
}

// Place looks at the files, without opening any of them. The error says why the
// database cannot be read, and wraps a domain.Code; what was found out all the
// same comes with it.
func (e *Engine) Place() (Place, error) {
	found, err := inspect(e.path)
	place := Place{
		Path: found.path, Bytes: found.db.size, Live: found.live, Sidecars: map[string]Owner{},
		Writable: access(filepath.Dir(found.path), unix.W_OK) == nil,
	}
	if found.db.there {
		place.Owner = &Owner{found.db.uid, found.db.gid}
	}
	for _, suffix := range suffixes[1:] {
		if sidecar, err := stat(found.path + suffix); err == nil {
			place.Sidecars[suffix] = Owner{sidecar.uid, sidecar.gid}
		}
	}
	return place, err
}

// WAL opens the database as a scrape does, and tells whether it is in WAL mode or
// uses a rollback journal. The error has a code.
func (e *Engine) WAL(ctx context.Context) (bool, error) {
	v := engine.NewView(ctx, e)
	defer v.End()
	s, err := v.Session(ctx)
	if err != nil {
		return false, err //nolint:wrapcheck // says what it could not do
	}
	defer s.End()
	return !s.State.Blocking, nil
}
