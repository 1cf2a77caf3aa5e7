package domain_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// BenchmarkEnvelope writes an answer as it is served.
func BenchmarkEnvelope(b *testing.B) {
	for _, tasks := range []int{200, 10_000} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			envelope := full()
			stage, agent, cost := envelope.Stages[0], envelope.Agents[0], envelope.Cost.Running[0]
			envelope.Stages = make([]domain.Stage, tasks)
			for i := range envelope.Stages {
				envelope.Stages[i] = stage
			}
			for range 15 {
				envelope.Agents = append(envelope.Agents, agent)
				envelope.Cost.Running = append(envelope.Cost.Running, cost)
			}
			b.ReportAllocs()
			for b.Loop() {
				body, err := envelope.MarshalJSON()
				require.NoError(b, err)
				b.SetBytes(int64(len(body)))
			}
		})
	}
}
