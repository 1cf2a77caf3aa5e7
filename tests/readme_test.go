package tests

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/fixture"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/mocks"
	"github.com/orchmetrics/orchmetrics/ports"
)

// TestReadme_SnippetsAreThese: each Go snippet of README and docs/testing.md stands in this file, word
// for word, and so is compiled and run; its JSON is an answer.
func TestReadme_SnippetsAreThese(t *testing.T) {
	t.Parallel()
	bare := func(text string) string { return regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAllString(text, "") }
	blocks := regexp.MustCompile("(?s)```(go|json)\n(.*?)```\n").FindAllStringSubmatch(read(t, "README.md")+read(t, "docs/testing.md"), -1)
	require.Len(t, blocks, 4)
	for _, block := range blocks {
		if block[1] == "json" {
			contracttest.Validate(t, []byte(block[2]))
			continue
		}
		assert.Contains(t, bare(read(t, "tests/readme_test.go")), bare(block[2]))
	}
}

// seen is what a service answers.
func seen(t *testing.T, handler http.Handler) domain.Envelope {
	t.Helper()
	var envelope domain.Envelope
	require.NoError(t, json.Unmarshal(ask(t, handler, "/metrics"), &envelope))
	return envelope
}

func TestReadme_SwapForAMock(t *testing.T) {
	t.Parallel()
	cfg := fixtureConfig()
	stages := mocks.NewStageSource(t)
	stages.EXPECT().ActiveTasks(mock.Anything).Return(ports.Reading[[]domain.Task]{}, domain.CodeDBBusy).Once()
	sources := fixture.Sources{}.Ports()
	sources.Stages = stages
	server, err := orchmetrics.InitializeServerFrom(cfg, sources)
	// server.Handler() answers requests; server.Listen and server.Serve run it.
	require.NoError(t, err)
	assert.Equal(t, domain.CodeDBBusy, *seen(t, server.Handler()).Sections["stages"].Code)
}

func TestReadme_SwapForLiterals(t *testing.T) {
	t.Parallel()
	sources := fixture.Sources{
		Jobs:      []domain.RunningJob{{ID: 21, Agent: new("developer"), PID: new(int64(4242))}},
		StagesErr: domain.CodeDBBusy,
	}.Ports()
	server, err := orchmetrics.InitializeServerFrom(fixtureConfig(), sources)
	require.NoError(t, err)
	envelope := seen(t, server.Handler())
	assert.Equal(t, "developer", *envelope.Agents[0].Agent)
	assert.Equal(t, domain.CodeDBBusy, *envelope.Sections["stages"].Code)
}

// Disk and Disks are the section that README shows.
type Disk struct{ Free int64 }

type Disks struct{ free int64 }

// Key is the envelope's key, Default what it shows when the section fails.
func (*Disks) Key() string  { return "disks" }
func (*Disks) Default() any { return []Disk{} }

// Collect returns what the envelope shows. Errors, panics and hangs stay here.
func (d *Disks) Collect(ctx context.Context) (any, error) { return d.list(ctx) }

func (d *Disks) list(ctx context.Context) ([]Disk, error) { return []Disk{{d.free}}, ctx.Err() }

func TestReadme_Section(t *testing.T) {
	t.Parallel()
	sources := fixture.Sources{Extra: []ports.Section{&Disks{free: 5}}}.Ports()
	server, err := orchmetrics.InitializeServerFrom(fixtureConfig(), sources)
	require.NoError(t, err)
	assert.Contains(t, seen(t, server.Handler()).Extensions, domain.Extension{Key: "disks", Value: json.RawMessage(`[{"Free":5}]`)})
}
