package procfs

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSample reads 10,000 pids in one call: sleeping processes without
// children, each asked for many times.
func BenchmarkSample(b *testing.B) {
	const pids, processes = 10_000, 100
	asked := make([]int64, 0, pids)
	for range processes {
		cmd := exec.Command("sleep", "infinity")
		require.NoError(b, cmd.Start())
		b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		asked = append(asked, int64(cmd.Process.Pid))
	}
	for i := processes; i < pids; i++ {
		asked = append(asked, asked[i%processes])
	}
	reader := New("/proc")
	b.ReportAllocs()
	for b.Loop() {
		_, err := reader.Sample(b.Context(), asked)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pids, "ns/pid")
}

// BenchmarkSampleTree reads the largest tree: process 1 and all below it.
func BenchmarkSampleTree(b *testing.B) {
	reader := New("/proc")
	members := int64(0)
	for b.Loop() {
		samples, err := reader.Sample(b.Context(), []int64{1})
		require.NoError(b, err)
		if count := samples[0].Process.TreeProcesses; count != nil {
			members += *count
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(members, 1)), "ns/member")
}

func BenchmarkParseStat(b *testing.B) {
	content := []byte(line(sleeper(), "sleep"))
	b.ReportAllocs()
	for b.Loop() {
		_, err := parseStat(content)
		require.NoError(b, err)
	}
}
