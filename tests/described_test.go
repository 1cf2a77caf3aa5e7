package tests

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/contract/contracttest"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// disks is a section of another team that declares its schema.
type disks struct {
	schema string
	value  any
}

var _ interface {
	ports.Section
	ports.Described
} = disks{}

func (disks) Key() string               { return "disks" }
func (disks) Default() any              { return []string{} }
func (d disks) Schema() json.RawMessage { return json.RawMessage(d.schema) }

func (d disks) Collect(context.Context) (any, error) {
	if d.value == nil {
		return nil, errors.New("no disks")
	}
	return d.value, nil
}

// newDescribed is the service with such a section, and no database.
func newDescribed(t *testing.T, section ports.Section) (http.Handler, error) {
	t.Helper()
	engine, err := sqlite.New(t.TempDir()+"/missing.db", time.Second)
	require.NoError(t, err)
	store, err := sqlstore.New(engine, sqlstore.Options{MaxRows: 1})
	require.NoError(t, err)
	server, err := orchmetrics.InitializeServerFrom(orchmetrics.Config{MetricsEnabled: true, Listen: ":0", SectionTimeout: time.Second, LogLevel: 99},
		orchmetrics.Sources{
			Stages: store, Queue: store, Agents: store, Cost: store,
			Worker: workerstate.NewFile(""), CPU: procfs.New(procTree(t)), Clock: fixedClock{}, Views: []ports.Viewer{store},
			Extra: []ports.Section{section},
		})
	if err != nil {
		return nil, err
	}
	return server.Handler(), nil
}

// TestSchema_HasDeclaredSections: what a section says of itself holds for its part
// of the answer, and for nothing else.
func TestSchema_HasDeclaredSections(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"array","minItems":1,"items":{"$ref":"#/$defs/Disk"},
		"$defs":{"Disk":{"type":"object","required":["free"],"properties":{"free":{"type":"integer"}}}}}`
	for name, tc := range map[string]struct {
		value any
		valid bool
	}{
		"as declared":          {[]map[string]any{{"free": 1}}, true},
		"it failed":            {nil, true},
		"another type":         {[]map[string]any{{"free": "much"}}, false},
		"nothing but a number": {5, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := newDescribed(t, disks{schema, tc.value})
			require.NoError(t, err)
			served, body := answer(t, handler, "/schema"), answer(t, handler, "/metrics").Body.Bytes()
			assert.Equal(t, "application/schema+json", served.Header().Get("Content-Type"))
			err = contracttest.CheckAgainst(served.Body.Bytes(), body)
			if tc.valid {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "disks")
			}
			contracttest.Validate(t, body)
		})
	}
}

// TestSchema_IsTheCommittedOne where no section declares anything.
func TestSchema_IsTheCommittedOne(t *testing.T) {
	t.Parallel()
	handler := goldenHandler(t, newDatabase(t, "schema.sql"), "", nil)
	assert.Equal(t, read(t, "docs/schema/v1.json"), answer(t, handler, "/schema").Body.String())
	assert.Equal(t, read(t, "docs/openapi.json"), answer(t, handler, "/openapi.json").Body.String())
}

func TestSchema_RefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{``, `{`, `null`, `[]`, `"object"`} {
		_, err := newDescribed(t, disks{schema: schema})
		require.ErrorContains(t, err, `add schema of section "disks": read it`, schema)
	}
	_, err := newDescribed(t, panicking{})
	require.ErrorContains(t, err, `add schema of section "disks": panic`)
}

type panicking struct{ disks }

func (panicking) Schema() json.RawMessage { panic(fs.ErrInvalid) }
