package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// permissions checks who we are beside the database, and names what could lock
// the orchestrator out of it.
func (d *doctor) permissions(ctx context.Context) Result {
	if d.db == nil {
		return notChecked()
	}
	if d.postgres != nil {
		return d.role(ctx)
	}
	place, err := d.sqlite.Place()
	uid := os.Geteuid()
	dir := filepath.Dir(place.Path)
	if errors.Is(err, domain.CodeDBPermission) {
		return forbidden(place, uid, dir).as(domain.CodeDBPermission)
	}
	if place.Owner == nil {
		return notChecked()
	}
	if strange := strangers(place); len(strange) > 0 {
		result := warning(fmt.Sprintf("the database is of uid %d, files beside it are not: they may lock its owner out", place.Owner.UID),
			"stop the orchestrator, and give them to the owner of the database (chown)")
		result.Details = strange
		return result
	}
	owner := int(place.Owner.UID)
	switch uid {
	case owner:
		return ok(fmt.Sprintf("uid %d owns the database", uid))
	case 0:
		return ok(fmt.Sprintf("root may read all; any user who may read the files of uid %d, and not write their directory, would do", owner))
	default:
		return ok(fmt.Sprintf("uid %d may read the database of uid %d, and not write its directory", uid, owner))
	}
}

// forbidden says why the database is not read by this user.
func forbidden(place sqlite.Place, uid int, dir string) Result {
	switch {
	case place.Owner == nil:
		return failed(fmt.Sprintf("uid %d may not enter %s", uid, dir),
			fmt.Sprintf("let its group enter (chmod g+x %s), or run as the orchestrator's user", dir))
	case uid == 0:
		result := failed(fmt.Sprintf("root would give files beside the database to its owner, %d: it is not read", place.Owner.UID),
			"run as the orchestrator's user, or give the files to the owner of the database (chown)")
		result.Details = strangers(place)
		return result
	case uid != int(place.Owner.UID) && place.Writable:
		return failed(fmt.Sprintf("uid %d may create files in %s, where the database is of uid %d: "+
			"a -wal of uid %[1]d would lock the orchestrator out, so it is not read", uid, dir, place.Owner.UID),
			fmt.Sprintf("run as uid %d, or take the right to write %s away from uid %d (chmod g-w, another group)", place.Owner.UID, dir, uid))
	default:
		return failed(fmt.Sprintf("uid %d may not read the database of uid %d, or its -wal or -shm", uid, place.Owner.UID),
			fmt.Sprintf("let its group read it (chmod g+r; SQLite gives -wal and -shm the same mode), or run as uid %d", place.Owner.UID))
	}
}

// strangers are the files beside the database that are not its owner's.
func strangers(place sqlite.Place) []Detail {
	var strange []Detail
	for _, suffix := range slices.Sorted(maps.Keys(place.Sidecars)) {
		if owner := place.Sidecars[suffix]; owner.UID != place.Owner.UID || os.Geteuid() == 0 && owner.GID != place.Owner.GID {
			strange = append(strange, Detail{
				Subject: filepath.Base(place.Path) + suffix, Status: Warning,
				Message: fmt.Sprintf("belongs to %d:%d, the database to %d:%d", owner.UID, owner.GID, place.Owner.UID, place.Owner.GID),
			})
		}
	}
	return strange
}
