package procfs

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// activityOf are the counters of a sample, those of the tree last; nil is -1.
func activityOf(sample ports.Sample) (own, tree [4]int64) {
	p := sample.Process
	values := func(pointers ...*int64) (values [4]int64) {
		for i, pointer := range pointers {
			values[i] = -1
			if pointer != nil {
				values[i] = *pointer
			}
		}
		return values
	}
	return values(p.RunNS, p.TimeSlices, p.ReadBytes, p.WrittenBytes), values(p.TreeRunNS, p.TreeTimeSlices, p.TreeReadBytes, p.TreeWrittenBytes)
}

// family is a mount with 100 of two threads and its child 200.
func family(t *testing.T) *mount {
	t.Helper()
	m := newMount(t)
	m.process(stat{pid: 100, ppid: 1, threads: 2}, 200)
	m.thread(100, 101)
	m.activity(100, 1, 2, 3, 4)
	m.schedstat(100, 101, 10, 20)
	m.process(stat{pid: 200, ppid: 100})
	m.activity(200, 100, 200, 300, 400)
	return m
}

func TestActivity(t *testing.T) {
	unread := [4]int64{-1, -1, -1, -1}
	for name, c := range map[string]struct {
		change    func(*mount)
		own, tree [4]int64
	}{
		"of all threads, and the tree": {func(*mount) {}, [4]int64{11, 22, 3, 4}, [4]int64{111, 222, 303, 404}},
		"a thread has ended": {
			func(m *mount) { m.remove("100/task/101"); must(os.Symlink("ended", m.path("100/task/101"))) }, // as if it were listed still
			[4]int64{1, 2, 3, 4}, [4]int64{101, 202, 303, 404},
		},
		"a kernel without schedstat": {
			func(m *mount) {
				m.remove("100/task/100/schedstat")
				m.remove("100/task/101/schedstat")
				m.remove("200/task/200/schedstat")
			},
			[4]int64{-1, -1, 3, 4},
			[4]int64{-1, -1, 303, 404},
		},
		"a kernel that shows zeros": {
			func(m *mount) { m.schedstat(100, 100, 0, 0); m.schedstat(100, 101, 0, 0); m.schedstat(200, 200, 0, 0) },
			[4]int64{-1, -1, 3, 4},
			[4]int64{-1, -1, 303, 404},
		},
		"a child that has not run yet": {
			func(m *mount) { m.schedstat(200, 200, 0, 0) }, [4]int64{11, 22, 3, 4}, [4]int64{11, 22, 303, 404},
		},
		"a kernel without io":   {func(m *mount) { m.remove("100/io"); m.remove("200/io") }, [4]int64{11, 22, -1, -1}, [4]int64{111, 222, -1, -1}},
		"a child of another's":  {func(m *mount) { m.remove("200/io") }, [4]int64{11, 22, 3, 4}, [4]int64{111, 222, -1, -1}},
		"a child's schedstat":   {func(m *mount) { m.remove("200/task/200/schedstat") }, [4]int64{11, 22, 3, 4}, [4]int64{-1, -1, 303, 404}},
		"of a tree with a zero": {func(m *mount) { m.process(stat{pid: 100, ppid: 1, threads: 2}, 0) }, [4]int64{11, 22, 3, 4}, unread},
		"a mount without tasks": {func(m *mount) { m.remove("1/task"); m.remove("100/task"); m.remove("200/task") }, [4]int64{-1, -1, 3, 4}, [4]int64{-1, -1, 303, 404}},
		"a kernel without lists": {
			func(m *mount) {
				m.remove("1/task/1/children")
				m.remove("100/task/100/children")
				m.remove("100/task/101/children")
				m.remove("200/task/200/children")
			},
			[4]int64{11, 22, 3, 4},
			[4]int64{111, 222, 303, 404},
		},
		"a zombie": {func(m *mount) { m.process(stat{pid: 100, ppid: 1, state: 'Z'}, 200) }, [4]int64{11, 22, 3, 4}, [4]int64{111, 222, 303, 404}},
	} {
		t.Run(name, func(t *testing.T) {
			m := family(t)
			c.change(m)
			own, tree := activityOf(look(t, m.reader(), 100))
			assert.Equal(t, c.own, own, "run time, time slices, bytes read, written")
			assert.Equal(t, c.tree, tree, "of the tree")
		})
	}
}

func TestActivityOfKernelThread(t *testing.T) {
	m := family(t)
	m.process(stat{pid: 100, kernel: true})
	assert.Equal(t, withStatus(domain.ProcessForeign), look(t, m.reader(), 100))
}

// TestActivityThatMakesNoSense costs itself alone, and is said.
func TestActivityThatMakesNoSense(t *testing.T) {
	for file, want := range map[string][4]int64{
		"100/io":                 {11, 22, -1, -1},
		"100/task/101/schedstat": {-1, -1, 3, 4},
	} {
		m := family(t)
		m.write(file, "garbage")
		samples, err := m.reader().Sample(background(), []int64{100, 200})
		require.ErrorContains(t, err, "read process 100")
		own, _ := activityOf(samples[0])
		assert.Equal(t, want, own, file)
		assertTree(t, 0, 2, samples[0])
		own, _ = activityOf(samples[1])
		assert.Equal(t, [4]int64{100, 200, 300, 400}, own)
	}
}
