package perf

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The benchmarks of the service's program, as a process of its own.

// startBench starts the program over a database, and lets it count the past.
func startBench(b *testing.B, w *World, settings ...string) *Server {
	b.Helper()
	program, err := BuildStatic(b.TempDir())
	require.NoError(b, err)
	server, err := StartService(program, w.DB, settings...)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, server.Close()) })
	client := dialBench(b, server)
	for body, err := client.Get("/metrics"); !Complete(body); body, err = client.Get("/metrics") {
		require.NoError(b, err)
		time.Sleep(10 * time.Millisecond)
	}
	return server
}

func dialBench(b *testing.B, server *Server) *Client {
	b.Helper()
	client, err := server.Dial()
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()) })
	return client
}

// BenchmarkProcess polls 20 times a second, each time after a commit, and reports
// the processor time of a poll, what goes on in the background included, and the
// most memory that the process ever had.
func BenchmarkProcess(b *testing.B) {
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10), func(b *testing.B) {
			w := benchWorld(b, rows)
			server := startBench(b, w)
			client := dialBench(b, server)
			before, err := CPU(server.PID)
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, w.Step())
				poll(b, client)
				time.Sleep(50 * time.Millisecond)
			}
			used, err := CPU(server.PID)
			require.NoError(b, err)
			peak, err := PeakMemory(server.PID)
			require.NoError(b, err)
			b.ReportMetric((used-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
		})
	}
}

// BenchmarkPollers lets a thousand clients poll at once after each commit, and
// reports how often the database was read for it.
func BenchmarkPollers(b *testing.B) {
	const pollers = 1000
	for _, rows := range benchRows(b) {
		b.Run("rows="+strconv.FormatInt(rows, 10)+"/clients="+strconv.Itoa(pollers), func(b *testing.B) {
			w := benchWorld(b, rows)
			server := startBench(b, w, "ORCH_RECOUNT_BUDGET=0")
			clients := make([]*Client, pollers)
			for i := range clients {
				clients[i] = dialBench(b, server)
			}
			for range 20 { // until the flood is known for one
				poll(b, clients[0])
			}
			opens, err := WatchOpens(w.DB)
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, w.Step())
				pollAll(b, clients)
			}
			read, err := opens.Stop()
			require.NoError(b, err)
			b.ReportMetric(float64(read)/float64(b.N), "reads/change")
		})
	}
}

func pollAll(b *testing.B, clients []*Client) {
	b.Helper()
	var group sync.WaitGroup
	for _, client := range clients {
		group.Go(func() {
			if _, err := client.Poll(); err != nil && !errors.Is(err, ErrRefused) {
				b.Error(err)
			}
		})
	}
	group.Wait()
}
