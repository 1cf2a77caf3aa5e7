package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// profiled is an orchestrator that a profile reads: its databases, each of which another
// process has open and writes, and the program beside it.
type profiled struct {
	t       *testing.T
	dir     string
	service *service
}

// newProfiled makes the databases, each of a script of testdata by the name of its file,
// lets another process open them, and starts the program over a profile.
func newProfiled(t *testing.T, profile string, files map[string]string, first string, env ...string) (*profiled, map[string]*writer) {
	t.Helper()
	p := &profiled{t: t, dir: t.TempDir()}
	writers := map[string]*writer{}
	for file, script := range files {
		text, err := os.ReadFile(filepath.Join("testdata", script))
		require.NoError(t, err)
		writers[file] = startWriter(t, filepath.Join(p.dir, file))
		writers[file].run("%s", text)
	}
	p.service = startService(t, append(env, "ORCH_PROFILE="+profile, "ORCH_DB="+filepath.Join(p.dir, first)), "serve")
	return p, writers
}

// envelope is what the program answers now.
func (p *profiled) envelope() domain.Envelope {
	p.t.Helper()
	status, body := p.service.get(p.t, "/metrics")
	require.Equal(p.t, 200, status)
	var envelope domain.Envelope
	require.NoError(p.t, json.Unmarshal(body, &envelope))
	return envelope
}

// wellRead expects each section to be read without anything amiss.
func wellRead(t *testing.T, envelope domain.Envelope) {
	t.Helper()
	for key, report := range envelope.Sections {
		assert.Equal(t, domain.StatusOK, report.Status, key)
		assert.Nil(t, report.Code, key)
		assert.Zero(t, report.Anomalies, key)
	}
}

// numberOf is the number of an id that is none, computed as docs/contract.md says.
func numberOf(ref string) int64 {
	sum := sha256.Sum256([]byte(ref))
	digits, _ := new(big.Int).SetString(hex.EncodeToString(sum[:]), 16)
	return max(1, digits.Rsh(digits, 256-53).Int64())
}

// stagesOf are stages by their own ids, in the order of their numbers.
func stagesOf(stages ...domain.Stage) []domain.Stage {
	for i := range stages {
		if stages[i].TaskRef != nil {
			stages[i].TaskID = numberOf(*stages[i].TaskRef)
		}
	}
	slices.SortFunc(stages, func(a, b domain.Stage) int { return int(min(1, max(-1, a.TaskID-b.TaskID))) })
	return stages
}

// ageOf is how old something is at the envelope's instant.
func ageOf(envelope domain.Envelope, at time.Time) *int64 {
	return new(envelope.GeneratedAt.Unix() - at.Unix())
}

// withoutProcess are agents without what is read of their processes, which is checked
// beside them.
func withoutProcess(agents []domain.Agent) []domain.Agent {
	bare := slices.Clone(agents)
	for i := range bare {
		bare[i].Process, bare[i].CPUTicks = nil, nil
	}
	return bare
}
