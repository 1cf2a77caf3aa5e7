package portstest

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Section proves an adapter of ports.Section, whether or not its source can be
// read. It cannot know the values: those are for the section's own tests.
func Section(t *testing.T, open func(testing.TB) ports.Section) {
	t.Helper()
	run(t, sectionChecks(), func(t testing.TB, _ Data) ports.Section { return open(t) })
}

func sectionChecks() []check[ports.Section] {
	return []check[ports.Section]{
		{name: "key", run: func(t testing.TB, s ports.Section) {
			key := s.Key()
			assert.Regexp(t, `^[a-z][a-z0-9_]{0,62}$`, key)
			assert.False(t, domain.Reserved(key), "the envelope uses %q itself", key)
			_, _ = collect(t.Context(), s)
			assert.Equal(t, key, s.Key(), "the key must not change")
		}},
		{name: "default", run: func(t testing.TB, s ports.Section) {
			assert.Contains(t, []string{"[]", "null"}, encoded(t, s.Default()))
		}},
		{name: "a value that can be encoded", run: func(t testing.TB, s ports.Section) {
			collected, err := collect(t.Context(), s)
			text := []byte(encoded(t, collected.Value))
			require.NoError(t, domain.CheckValue(text))
			if err != nil && collected.Value == nil {
				assert.Zero(t, collected, "without a value there is nothing to say of it")
			}
			assert.GreaterOrEqual(t, collected.Anomalies, int64(0))
			_, raw := collected.Value.(json.RawMessage)
			if list := reflect.ValueOf(collected.Value); list.Kind() == reflect.Slice && !raw && collected.Rows != nil {
				assert.Equal(t, int64(list.Len()), *collected.Rows)
			}
		}},
		{name: "values stay as they were handed out", run: func(t testing.TB, s ports.Section) {
			collected, _ := collect(t.Context(), s)
			before := encoded(t, collected.Value)
			_, _ = collect(t.Context(), s)
			assert.Equal(t, before, encoded(t, collected.Value), "an earlier value must not change")
		}},
		{name: "concurrent use", run: func(t testing.TB, s ports.Section) {
			atOnce(func() {
				collected, _ := collect(t.Context(), s)
				_, err := json.Marshal(collected.Value)
				assert.NoError(t, err)
			})
		}},
		{name: "a context that has ended", run: func(t testing.TB, s ports.Section) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			returnsSoon(t, func() { _, _ = collect(ctx, s) })
		}},
	}
}

// collect reads a section in a scrape of its own.
func collect(ctx context.Context, s ports.Section) (ports.Collected, error) {
	value, err := s.Collect(ports.WithInstant(ctx, domain.Instant{UnixMS: noon().UnixMilli()}))
	collected, wrapped := value.(ports.Collected)
	if !wrapped {
		collected.Value = value
	}
	return collected, err
}

func encoded(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
