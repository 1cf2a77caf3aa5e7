package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// section is one of another team.
type section struct {
	key      string
	fallback any
	collect  func(context.Context) (any, error)
}

func (s section) Key() string                              { return s.key }
func (s section) Default() any                             { return s.fallback }
func (s section) Collect(ctx context.Context) (any, error) { return s.collect(ctx) }

func returns(value any, err error) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return value, err }
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("encode") }

type row struct {
	Name string `json:"name"`
}

func TestExtensionValues(t *testing.T) {
	fault := errors.New("no such thing")
	beyond := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	var noRows []row
	var noRow *row
	report := func(status domain.Status, code domain.Code) domain.SectionReport {
		if code == "" {
			return domain.SectionReport{Status: status}
		}
		return domain.SectionReport{Status: status, Code: &code}
	}
	ok := report(domain.StatusOK, "")
	invalid := report(domain.StatusFailed, domain.CodeInvalidValue)
	cases := map[string]struct {
		collect func(context.Context) (any, error)
		value   string
		report  domain.SectionReport
	}{
		"a list":              {returns([]row{{"a"}}, nil), `[{"name":"a"}]`, ok},
		"a number":            {returns(7, nil), `7`, ok},
		"JSON":                {returns(json.RawMessage(`{"z":1, "a":2}`), nil), `{"z":1,"a":2}`, ok},
		"text not in UTF-8":   {returns("a\xff", nil), `"a\ufffd"`, ok},
		"nothing":             {returns(nil, nil), `[]`, ok},
		"a nil list":          {returns(noRows, nil), `[]`, ok},
		"a nil pointer":       {returns(noRow, nil), `[]`, ok},
		"part, with an error": {returns([]row{{"a"}}, fault), `[{"name":"a"}]`, report(domain.StatusDegraded, domain.CodeSourceFailed)},
		"an empty list, with an error": {
			returns([]row{}, fault), `[]`, report(domain.StatusDegraded, domain.CodeSourceFailed),
		},
		"an error":                   {returns(nil, fault), `[]`, report(domain.StatusFailed, domain.CodeSourceFailed)},
		"an error beside a nil list": {returns(noRows, fault), `[]`, report(domain.StatusFailed, domain.CodeSourceFailed)},
		"collected": {
			returns(ports.Collected{Value: []row{{"a"}}, Rows: new(int64(1)), Truncated: true, Anomalies: 2, CountedAt: &noon}, nil),
			`[{"name":"a"}]`,
			domain.SectionReport{Status: domain.StatusOK, Rows: new(int64(1)), Truncated: true, Anomalies: 2, RecountedAt: &noon},
		},
		"collected, idle": {
			returns(ports.Collected{Value: noRows, Rows: new(int64(0))}, nil), `[]`,
			domain.SectionReport{Status: domain.StatusOK, Rows: new(int64(0))},
		},
		"collected, with an error": {
			returns(ports.Collected{Value: 1, Anomalies: 2}, domain.CodeDBBusy), `1`,
			domain.SectionReport{Status: domain.StatusDegraded, Code: new(domain.CodeDBBusy), Anomalies: 2},
		},
		"collected without a value, with an error": {
			returns(ports.Collected{Rows: new(int64(9)), Truncated: true}, fault), `[]`, report(domain.StatusFailed, domain.CodeSourceFailed),
		},
		"collected at a time that JSON cannot hold": {
			returns(ports.Collected{Value: 1, CountedAt: &beyond}, nil), `1`, domain.SectionReport{Status: domain.StatusOK, Anomalies: 1},
		},
		"not a number":     {returns(math.NaN(), nil), `[]`, invalid},
		"a channel":        {returns(make(chan int), nil), `[]`, invalid},
		"broken JSON":      {returns(json.RawMessage(`{`), nil), `[]`, invalid},
		"beyond a float":   {returns(map[string]any{"a": json.Number("1e999")}, nil), `[]`, invalid},
		"nested too deep":  {returns(json.RawMessage(nested(5000)), nil), `[]`, invalid},
		"panics encoded":   {returns(panicking{}, nil), `[]`, report(domain.StatusFailed, domain.CodePanic)},
		"a panic":          {func(context.Context) (any, error) { panic("boom") }, `[]`, report(domain.StatusFailed, domain.CodePanic)},
		"a nil as error":   {returns(5, (*nilError)(nil)), `[]`, report(domain.StatusFailed, domain.CodePanic)},
		"its own timeout":  {returns(nil, context.DeadlineExceeded), `[]`, report(domain.StatusTimeout, domain.CodeTimeout)},
		"its own new code": {returns(nil, domain.Code("cluster_gone")), `[]`, report(domain.StatusFailed, "cluster_gone")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.extra = []ports.Section{section{"extra", []row{}, c.collect}}
			want := healthy()
			want.Extensions = []domain.Extension{{Key: "extra", Value: json.RawMessage(c.value)}}
			want.Sections["extra"] = c.report
			assert.Equal(t, want, scrape(t, w.service(t)), "and nothing else is broken")
		})
	}
}

func TestExtensionsKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"zeta", "alpha", "mid"} {
		w.extra = append(w.extra, section{key, nil, returns(key, nil)})
	}
	service := w.service(t)
	order := []string{"stages", "queue", "agents", "cost", "zeta", "alpha", "mid"}
	assert.Equal(t, order, service.Keys())
	var keys []string
	for _, extension := range scrape(t, service, "mid", "zeta", "mid", "alpha").Extensions {
		keys = append(keys, extension.Key)
	}
	assert.Equal(t, []string{"zeta", "alpha", "mid"}, keys, "whatever order they are asked in")
}

// A section in the place of a core one must be of its type.
func TestWrongTypeUnderACoreKey(t *testing.T) {
	w := newWorld(t)
	w.opts.Disabled = []string{"stages"} // replaced below
	service := w.service(t)
	assert.Equal(t, domain.SectionReport{Status: domain.StatusDisabled}, scrape(t, service).Sections["stages"])

	for key, fallback := range map[string]any{
		"stages": []domain.Stage{}, "queue": nil, "agents": []domain.Agent{}, "cost": (*domain.Cost)(nil),
	} {
		service, err := serviceOf(t, section{key, fallback, returns([]string{"not", "it"}, nil)}, section{"other", nil, returns(1, nil)})
		require.NoError(t, err)
		envelope := scrape(t, service)
		assert.Equal(t, domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeInvalidValue)}, envelope.Sections[key])
		assert.Equal(t, domain.StatusOK, envelope.Sections["other"].Status)
		assert.Empty(t, envelope.Stages)
		assert.Empty(t, envelope.Agents)
		assert.Nil(t, envelope.Queue)
		assert.Nil(t, envelope.Cost)
	}
}

func TestHangingExtension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := newWorld(t)
		w.extra = []ports.Section{section{"extra", []row{}, func(context.Context) (any, error) { <-release; return 1, nil }}}
		service := w.service(t)
		want := healthy()
		for _, code := range []domain.Code{domain.CodeTimeout, domain.CodeStuck} {
			want.Extensions = []domain.Extension{{Key: "extra", Value: json.RawMessage(`[]`)}}
			want.Sections["extra"] = domain.SectionReport{Status: domain.StatusTimeout, Code: &code}
			assert.Equal(t, want, scrape(t, service))
		}
		close(release)
		synctest.Wait()
		assert.Equal(t, domain.StatusOK, scrape(t, service).Sections["extra"].Status)
	})
}

// A section reads the scrape's instant and deadline from its context.
func TestExtensionContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.extra = []ports.Section{section{"extra", nil, func(ctx context.Context) (any, error) {
			at, ok := ports.InstantOf(ctx)
			assert.True(t, ok)
			assert.Equal(t, now, at)
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, timeout, time.Until(deadline))
			return 1, nil
		}}}
		scrape(t, w.service(t))
	})
}
