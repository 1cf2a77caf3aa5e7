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
// Root that may not take the owner's identity, or not read with it, stays what it is where
// it may not create files either, and where it is the owner but for a group that matters to
// nobody who writes, or that the directory gives to its files. It is refused elsewhere.
func (f *files) becomeOwner() (revert func(), err error) {
	runtime.LockOSThread()
	revert = func() { // to one's own effective identity always works
		_ = unix.Setfsuid(os.Geteuid())
		_ = unix.Setfsgid(os.Getegid())
		runtime.UnlockOSThread()
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var capabilities [2]unix.CapUserData // which the kernel takes away with root's identity
	kept := unix.Capget(&header, &capabilities[0]) == nil
	uid, gid := int(f.db.uid), int(f.db.gid)
	_ = unix.Setfsgid(gid) // which tell in no way whether they worked
	_ = unix.Setfsuid(uid)
	kept = kept && unix.Capset(&header, &capabilities[0]) == nil
	isUID, _ := unix.SetfsuidRetUid(-1)
	isGID, _ := unix.SetfsgidRetGid(-1)
	if kept && isUID == uid && isGID == gid && access(f.path, unix.R_OK) == nil {
		return revert, nil
	}
	revert()
	const groupWrites = 0o020
	var dir unix.Stat_t
	given := unix.Stat(filepath.Dir(f.path), &dir) == nil && dir.Mode&unix.S_ISGID != 0 && dir.Gid == f.db.gid
	mayCreate := access(filepath.Dir(f.path), unix.W_OK) == nil
	if !mayCreate || uid == os.Geteuid() && (given || f.db.mode&groupWrites == 0) {
		return func() {}, nil
	}
	return nil, fmt.Errorf("create files as the database's owner %d:%d: needs CAP_SETUID, CAP_SETGID and the right to read the database: %w",
		uid, gid, domain.CodeDBPermission)
}
