package procfs

import "github.com/orchmetrics/orchmetrics/domain"

// reading is a process at one moment.
type reading struct {
	stat
	boottimeMS *int64 // CLOCK_BOOTTIME when the stat was read
}

// ownTicks is utime + stime.
func (r reading) ownTicks() int64 { return r.utime + r.stime }

// waitedTicks is cutime + cstime: children that ended and were waited for.
func (r reading) waitedTicks() int64 { return r.cutime + r.cstime }

// treeTicks is what the process adds to those of a tree.
func (r reading) treeTicks() int64 { return r.ownTicks() + r.waitedTicks() }

// zombie says whether all of the process has ended. Its first thread can end
// alone: the state is then Z as well, and the process goes on.
func (r reading) zombie() bool { return r.state == 'Z' && r.threads <= 1 }

// released says whether the process was waited for while it was read. Its ticks
// are in its parent's cutime by then, and the kernel fills in zeros for most of
// its line.
func (r reading) released() bool {
	return r.threads == 0 || r.state == 'X' || r.state == 'x'
}

// process is the reading as the envelope shows it, without StartedAt and the tree.
func (r reading) process(pageSize int64) *domain.Process {
	status := domain.ProcessOK
	if r.zombie() {
		status = domain.ProcessZombie
	}
	return &domain.Process{
		Status:            status,
		State:             new(string(rune(r.state))),
		StartTicks:        new(r.start),
		Threads:           new(r.threads),
		RSSBytes:          new(r.rssPages * pageSize),
		ChildrenCPUTicks:  new(r.waitedTicks()),
		SampledBoottimeMS: r.boottimeMS,
	}
}
