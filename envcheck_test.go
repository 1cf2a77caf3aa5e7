package orchmetrics

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnknownSettings(t *testing.T) {
	t.Parallel()
	found := UnknownSettings([]string{
		"PATH=/bin", "ORCH_LISTEN=:9099", "ORCH_DB=x", "ORCHESTRA=1", "LISTN=1",
		"ORCH_WORKER_STATE=w", "ORCH_LISTN=s3cret", "ORCH_API_KEY=s3cret", "ORCH_PORT=80", "ORCH_EMPTY=", "ORCH_",
	})
	assert.Equal(t, []UnknownSetting{
		{Name: "ORCH_"},
		{Name: "ORCH_API_KEY"},
		{Name: "ORCH_EMPTY"},
		{Name: "ORCH_LISTN", Nearest: "ORCH_LISTEN"},
		{Name: "ORCH_PORT"},
		{Name: "ORCH_WORKER_STATE", Nearest: "ORCH_WORKER_STATE_FILE"},
	}, found)
	assert.Equal(t, "ORCH_LISTN (did you mean ORCH_LISTEN?)", found[3].String())
	assert.Equal(t, "ORCH_API_KEY", found[1].String())
	assert.Empty(t, UnknownSettings(nil))
}

// TestUnknownSettings_Kubernetes: what a Service named orch brings into every pod
// beside it is nobody's mistake.
func TestUnknownSettings_Kubernetes(t *testing.T) {
	t.Parallel()
	assert.Empty(t, UnknownSettings([]string{
		"ORCH_SERVICE_HOST=10.0.0.11", "ORCH_SERVICE_PORT=9099", "ORCH_SERVICE_PORT_METRICS=9099",
		"ORCH_PORT=tcp://10.0.0.11:9099", "ORCH_PORT_9099_TCP=tcp://10.0.0.11:9099",
		"ORCH_PORT_9099_TCP_PROTO=tcp", "ORCH_PORT_9099_TCP_PORT=9099", "ORCH_PORT_9099_TCP_ADDR=10.0.0.11",
		"ORCH_DB_PORT=udp://10.0.0.12:53",
	}))
}
