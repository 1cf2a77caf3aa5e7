package procfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// status says what became of a process that could not be read.
func (s *sampler) status(pid int64, err error) domain.ProcessStatus {
	switch {
	case !validPID(pid), errors.Is(err, errGone), errors.Is(err, unix.ESRCH): // ESRCH: it died after the open
		return domain.ProcessGone
	case errors.Is(err, unix.ENOENT) && !s.mayLive(pid):
		return domain.ProcessGone
	default:
		return domain.ProcessHidden
	}
}

// note keeps an error that the samples themselves do not tell.
func (s *sampler) note(pid int64, err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.stopped = err
	case s.broken != nil, isExpected(err), s.status(pid, err) == domain.ProcessGone:
	default:
		s.broken = fmt.Errorf("read process %d: %w", pid, err)
	}
}

// isExpected says whether an error is a state of the host that the documented
// nulls stand for, and no defect.
func isExpected(err error) bool {
	for _, expected := range []error{errUnseen, errTooLarge, unix.ENOENT, unix.EPERM, unix.EACCES} {
		if errors.Is(err, expected) {
			return true
		}
	}
	return false
}

// mayLive says whether a process that the mount does not show may live all the
// same: with hidepid=2 (or 4) of proc(5) one of somebody else looks as if it did
// not exist. The kernel is asked with signal 0 of kill(2), which is never sent:
// it only checks, and tells ESRCH from EPERM. Where pids of this mount are not
// ours, it would speak of another process; then, a missing one may live if not
// even process 1 can be seen.
func (s *sampler) mayLive(pid int64) bool {
	if s.speaksOurPIDs() {
		return !errors.Is(unix.Kill(int(pid), 0), unix.ESRCH)
	}
	return s.isBlind()
}

// speaksOurPIDs says whether the mount is of this process's own pid namespace:
// then it knows this process by one pid alone. See NSpid in proc_pid_status(5).
func (s *sampler) speaksOurPIDs() bool {
	if s.sameNamespace == nil {
		content, _ := s.files.root.readOnce("self/status", s.files.buf[:]) // with an error there is nothing in it
		s.sameNamespace = new(countNSPIDs(content) == 1)
	}
	return *s.sameNamespace
}

// countNSPIDs is the number of pids in the line "NSpid:\t4711\t12" of the content
// of /proc/pid/status; 0 if there is none.
func countNSPIDs(status []byte) int {
	for line := range bytes.Lines(status) {
		if pids, found := bytes.CutPrefix(line, []byte("NSpid:")); found {
			return len(bytes.Fields(pids))
		}
	}
	return 0
}

// isBlind says whether not even process 1 can be seen.
func (s *sampler) isBlind() bool {
	if s.blind == nil {
		s.blind = new(errors.Is(s.files.root.exists("1"), unix.ENOENT))
	}
	return *s.blind
}
