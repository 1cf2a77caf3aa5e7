package procfs

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSample reads some hundred sleeping processes without children in one
// call. A pid that is asked for twice is read once.
func BenchmarkSample(b *testing.B) {
	const processes = 500
	asked := make([]int64, 0, processes)
	for range processes {
		cmd := exec.Command("sleep", "infinity")
		require.NoError(b, cmd.Start())
		b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		asked = append(asked, int64(cmd.Process.Pid))
	}
	reader := New("/proc")
	b.ReportAllocs()
	for b.Loop() {
		_, err := reader.Sample(b.Context(), asked)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/processes, "ns/pid")
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
