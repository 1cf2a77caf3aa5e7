package portstest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// fixedHost has a clock that stands still and one process.
type fixedHost struct {
	pid    int64
	alter  func([]ports.Sample) []ports.Sample
	ticks  *int64
	now    domain.Instant
	finish bool // does not stop when the context ends
}

var (
	_ ports.CPUReader = fixedHost{}
	_ ports.Clock     = fixedHost{}
)

func (h fixedHost) ClockTicks() *int64 { return clone(h.ticks) }

func (h fixedHost) Sample(ctx context.Context, pids []int64) ([]ports.Sample, error) {
	samples := make([]ports.Sample, len(pids))
	if err := ctx.Err(); err != nil && !h.finish {
		return h.altered(samples), fmt.Errorf("sample: %w", err)
	}
	for i, pid := range pids {
		samples[i].Process = &domain.Process{Status: domain.ProcessGone}
		if pid == h.pid {
			samples[i] = ports.Sample{CPUTicks: new(int64(5)), Process: &domain.Process{Status: domain.ProcessOK}}
		}
	}
	return h.altered(samples), nil
}

func (h fixedHost) altered(samples []ports.Sample) []ports.Sample {
	if h.alter == nil {
		return samples
	}
	return h.alter(samples)
}

func (h fixedHost) Now() domain.Instant {
	return domain.Instant{UnixMS: h.now.UnixMS, BoottimeMS: clone(h.now.BoottimeMS), BootID: clone(h.now.BootID)}
}

func host() fixedHost {
	return fixedHost{pid: 77, ticks: new(int64(100)), now: domain.Instant{
		UnixMS: noon().UnixMilli(), BoottimeMS: new(int64(1000)), BootID: new("boot"),
	}}
}

func processesOf(r ports.CPUReader) Processes {
	return Processes{Reader: r, Live: []int64{77}, Gone: []int64{78, 1 << 22}}
}

func TestFixedHostPasses(t *testing.T) {
	t.Parallel()
	CPUReader(t, func(testing.TB) Processes { return processesOf(host()) })
	CPUReader(t, func(testing.TB) Processes {
		h := host()
		h.finish, h.ticks = true, nil
		return processesOf(h)
	})
	Clock(t, func(testing.TB) ports.Clock { return host() })
	Clock(t, func(testing.TB) ports.Clock { return fixedHost{} })
}

// changingTicks has another number each time.
type changingTicks struct{ fixedHost }

func (h changingTicks) ClockTicks() *int64 {
	*h.ticks++
	return new(*h.ticks)
}

func TestCPUReaderFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(name, check string, alter func([]ports.Sample) []ports.Sample) fault[Processes] {
		return fault[Processes]{name: name, check: check, open: func(testing.TB, Data) Processes {
			h := host()
			h.alter = alter
			return processesOf(h)
		}}
	}
	each := func(alter func(*ports.Sample)) func([]ports.Sample) []ports.Sample {
		return func(samples []ports.Sample) []ports.Sample {
			for i := range samples {
				alter(&samples[i])
			}
			return samples
		}
	}
	var falling int64 = 1000
	requireCaught(t, cpuChecks(), []fault[Processes]{
		broken("the wrong order", "one sample for each pid, in order", func(s []ports.Sample) []ports.Sample {
			slices.Reverse(s)
			return s
		}),
		broken("the dead left out", "processes that are gone", func(s []ports.Sample) []ports.Sample {
			return slices.DeleteFunc(s, func(s ports.Sample) bool { return s.CPUTicks == nil })
		}),
		broken("no process for the dead", "numbers that cannot be pids", each(func(s *ports.Sample) {
			if s.CPUTicks == nil {
				s.Process = nil
			}
		})),
		broken("zero for the dead", "processes that are gone", each(func(s *ports.Sample) { s.CPUTicks = new(orZero(s.CPUTicks)) })),
		broken("the living are dead", "live processes", each(func(s *ports.Sample) {
			if s.Process != nil {
				s.Process.Status = domain.ProcessGone
			}
		})),
		broken("ticks that fall", "ticks do not run backwards", each(func(s *ports.Sample) {
			falling--
			s.CPUTicks = new(falling)
		})),
		broken("no samples with the error", "a context that has ended", func(s []ports.Sample) []ports.Sample {
			return slices.DeleteFunc(s, func(s ports.Sample) bool { return s.Process == nil })
		}),
		broken("ticks out of nothing", "a context that has ended", each(func(s *ports.Sample) { s.CPUTicks = new(int64(1)) })),
		{"clock ticks that change", func(testing.TB, Data) Processes { return processesOf(changingTicks{host()}) }, "clock ticks"},
	})
}

// clockFunc is a clock that is a function.
type clockFunc func() domain.Instant

func (f clockFunc) Now() domain.Instant { return f() }

func TestClockFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(name, check string, now func(domain.Instant) domain.Instant) fault[ports.Clock] {
		return fault[ports.Clock]{name, func(testing.TB, Data) ports.Clock {
			return clockFunc(func() domain.Instant { return now(host().Now()) })
		}, check}
	}
	var ticks, boots int64
	shared := host().now
	requireCaught(t, clockChecks(), []fault[ports.Clock]{
		broken("nanoseconds", "a time that JSON can show", func(at domain.Instant) domain.Instant {
			at.UnixMS = time.Now().UnixNano()
			return at
		}),
		broken("a boot time that falls", "the boot and its time", func(at domain.Instant) domain.Instant {
			ticks--
			at.BoottimeMS = new(ticks)
			return at
		}),
		broken("another boot each time", "the boot and its time", func(at domain.Instant) domain.Instant {
			boots++
			at.BootID = new(strconv.FormatInt(boots, 10))
			return at
		}),
		broken("a value that is written to again", "values stay as they were handed out", func(domain.Instant) domain.Instant {
			*shared.BoottimeMS++
			return shared
		}),
	})
}
