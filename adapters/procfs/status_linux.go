package procfs

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/orchmetrics/orchmetrics/domain"
)

// status says what became of a process that could not be read.
func (s *sampler) status(err error) domain.ProcessStatus {
	switch {
	case errors.Is(err, errGone), errors.Is(err, unix.ESRCH): // ESRCH: it died after the open
		return domain.ProcessGone
	case errors.Is(err, unix.ENOENT) && !s.isBlind():
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
	case s.status(err) == domain.ProcessGone, isExpected(err), s.broken != nil:
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

// isBlind says whether not even process 1 can be seen. With hidepid=2 (or 4) of
// proc(5) a process of somebody else looks as if it did not exist, so that a
// missing one may be alive.
func (s *sampler) isBlind() bool {
	if s.blind == nil {
		s.blind = new(errors.Is(s.root.exists("1"), unix.ENOENT))
	}
	return *s.blind
}
