package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// becomeOwner lets the calling thread create files as the owner of the database, until
// what it returns is called on the same goroutine. SQLite gives what root creates to
// that owner, but an instant later; an orchestrator that starts within it finds a log
// that it may not write, and is refused for as long as it stays connected.
//
// Only the owner of new files changes (setfsuid(2)): the thread keeps what root may do.
// Root that may not take another's identity is refused where it may create files at all.
func (f *files) becomeOwner() (revert func(), err error) {
	runtime.LockOSThread()
	revert = func() { // to one's own effective identity always works
		_ = unix.Setfsuid(os.Geteuid())
		_ = unix.Setfsgid(os.Getegid())
		runtime.UnlockOSThread()
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var capabilities [2]unix.CapUserData // which the kernel takes away with root's identity
	if err := unix.Capget(&header, &capabilities[0]); err != nil {
		revert()
		return nil, fmt.Errorf("read capabilities: %w: %w", domain.CodeDBPermission, err)
	}
	uid, gid := int(f.db.uid), int(f.db.gid)
	_ = unix.Setfsgid(gid) // which tell in no way whether they worked
	_ = unix.Setfsuid(uid)
	err = unix.Capset(&header, &capabilities[0])
	isUID, _ := unix.SetfsuidRetUid(-1)
	isGID, _ := unix.SetfsgidRetGid(-1)
	is := err == nil && isUID == uid && isGID == gid
	if !is && access(filepath.Dir(f.path), unix.W_OK) == nil {
		revert()
		return nil, fmt.Errorf("create files as the database's owner %d:%d: needs CAP_SETUID and CAP_SETGID: %w",
			uid, gid, domain.CodeDBPermission)
	}
	return revert, nil
}
