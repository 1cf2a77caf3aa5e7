package dropin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
	"github.com/orchmetrics/orchmetrics/ports/portstest"
)

var written = time.Date(2026, 6, 1, 12, 0, 0, 250_999_999, time.FixedZone("", 7200))

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	require.NoError(t, os.Chtimes(path, written, written))
}

// keys are what the directory lists now.
func keys(t *testing.T, dir string) []string {
	t.Helper()
	listed, err := dropin.New(dir).Sections(t.Context())
	require.NoError(t, err)
	found := []string{}
	for _, one := range listed {
		assert.Equal(t, one.Section.Key()+".json", one.Origin)
		found = append(found, one.Section.Key())
	}
	return found
}

func section(t *testing.T, dir, key string) ports.Section {
	t.Helper()
	listed, err := dropin.New(dir).Sections(t.Context())
	require.NoError(t, err)
	for _, one := range listed {
		if one.Section.Key() == key {
			return one.Section
		}
	}
	require.Fail(t, "not listed", key)
	return nil
}

func TestSections_ComeAndGo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sections")
	_, err := dropin.New(dir).Sections(t.Context())
	require.ErrorIs(t, err, domain.CodeFileUnreadable, "there is no directory yet")
	require.NoError(t, os.Mkdir(dir, 0o700))
	assert.Empty(t, keys(t, dir))
	for _, name := range []string{"zeta.json", "gpu.json", "gpu2.json", "gpu_a.json", ".new.json", "gpu.json.tmp", "README", ".json"} {
		write(t, dir, name, `1`)
	}
	assert.Equal(t, []string{"gpu", "gpu2", "gpu_a", "zeta"}, keys(t, dir))
	require.NoError(t, os.Remove(filepath.Join(dir, "gpu.json")))
	assert.Equal(t, []string{"gpu2", "gpu_a", "zeta"}, keys(t, dir))
	write(t, dir, "Bad Key.json", `1`)
	assert.Contains(t, keys(t, dir), "Bad Key", "the service refuses it, and says so")
}

func TestSections_AtMost64(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 70 {
		write(t, dir, fmt.Sprintf("s%02d.json", i), `1`)
	}
	listed, err := dropin.New(dir).Sections(t.Context())
	require.ErrorIs(t, err, domain.CodeTooMany)
	require.Len(t, listed, 64)
	assert.Equal(t, "s63", listed[63].Section.Key())
}

// TestSections_AtMost4MiB: by key, those that fit are shown, and the others say why not.
func TestSections_AtMost4MiB(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sized := func(size int) string { return `"` + strings.Repeat("<", size-2) + `"` }
	sizes := map[string]int{"a": 1 << 20, "b": 1<<20 + 1, "c": 1 << 20, "d": 1 << 20, "e": 1 << 19, "f": 1 << 20, "g": 1 << 19, "h": 2}
	for key, size := range sizes {
		write(t, dir, key+".json", sized(size))
	}
	require.NoError(t, os.Symlink("a.json", filepath.Join(dir, "link.json")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "aa.json"), 0o600))
	listed, err := dropin.New(dir).Sections(t.Context())
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, one := range listed {
		value, err := one.Section.Collect(t.Context())
		switch key := one.Section.Key(); {
		case err == nil:
			shown[key] = true
			if key != "link" {
				assert.Len(t, value.(ports.Collected).Value, sizes[key])
			}
		case key == "aa":
			require.ErrorIs(t, err, domain.CodeFileUnreadable)
		default:
			require.ErrorIs(t, err, domain.CodeTooLarge, key)
		}
	}
	assert.Equal(t, map[string]bool{"a": true, "c": true, "d": true, "e": true, "g": true}, shown,
		"b is too large by itself; f, the link to a and h, for 2 bytes, do not fit")
}

func TestSections_NotADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "file", ``)
	_, err := dropin.New(filepath.Join(dir, "file")).Sections(t.Context())
	require.ErrorIs(t, err, domain.CodeFileUnreadable)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, "secret.json", `"secret"`)
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	cases := map[string]struct {
		content string // or how the file is made
		make    func(path string) error
		value   string
		rows    *int64
		code    domain.Code
	}{
		"object":     {content: "{\n \"b\": 1,\n \"a\": [1, 2.50]\n}\n", value: `{"b":1,"a":[1,2.50]}`},
		"list":       {content: ` [1, {"a": [2]}, "],"] `, value: `[1,{"a":[2]},"],"]`, rows: new(int64(3))},
		"empty":      {content: `[]`, value: `[]`, rows: new(int64(0))},
		"null":       {content: `null`, value: `null`},
		"marked":     {content: "\ufeff[1]", value: `[1]`, rows: new(int64(1))},
		"marks":      {content: "\ufeff\ufeff1", code: domain.CodeInvalidValue},
		"number":     {content: `123456789012345678901`, value: `123456789012345678901`},
		"deepest":    {content: deep(60), value: deep(60), rows: new(int64(1))},
		"too_deep":   {content: deep(61), code: domain.CodeInvalidValue},
		"bottomless": {content: strings.Repeat("[", 1<<20), code: domain.CodeInvalidValue},
		"half":       {content: `{"a": [1,`, code: domain.CodeInvalidValue},
		"nothing":    {content: ``, code: domain.CodeInvalidValue},
		"two":        {content: `{} {}`, code: domain.CodeInvalidValue},
		"nan":        {content: `NaN`, code: domain.CodeInvalidValue},
		"largest":    {content: `"` + strings.Repeat("a", 1<<20-2) + `"`, value: `"` + strings.Repeat("a", 1<<20-2) + `"`},
		"too_large":  {content: `"` + strings.Repeat("a", 1<<20-1) + `"`, code: domain.CodeTooLarge},
		"directory":  {make: func(path string) error { return os.Mkdir(path, 0o700) }, code: domain.CodeFileUnreadable},
		"fifo":       {make: func(path string) error { return syscall.Mkfifo(path, 0o600) }, code: domain.CodeFileUnreadable},
		"link_out":   {make: func(path string) error { return os.Symlink(filepath.Join(outside, "secret.json"), path) }, code: domain.CodeFileUnreadable},
		"link_up": {make: func(path string) error {
			return os.Symlink(filepath.Join("..", filepath.Base(outside), "secret.json"), path)
		}, code: domain.CodeFileUnreadable},
		"link_gone": {make: func(path string) error { return os.Symlink("nowhere.json", path) }, code: domain.CodeFileUnreadable},
		"link_self": {make: func(path string) error { return os.Symlink(filepath.Base(path), path) }, code: domain.CodeFileUnreadable},
		"link_in":   {make: func(path string) error { return os.Symlink("null.json", path) }, value: `null`},
	}
	for key, tc := range cases {
		if tc.make != nil {
			require.NoError(t, tc.make(filepath.Join(dir, key+".json")))
			continue
		}
		write(t, dir, key+".json", tc.content)
	}
	for key, tc := range cases {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			got, err := section(t, dir, key).Collect(t.Context())
			if tc.code != "" {
				require.ErrorIs(t, err, tc.code)
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			collected := got.(ports.Collected)
			assert.Equal(t, tc.value, string(collected.Value.(json.RawMessage)))
			assert.Equal(t, tc.rows, collected.Rows)
			assert.Equal(t, "2026-06-01T10:00:00.25Z", collected.AsOf.Format(time.RFC3339Nano), "UTC, to the millisecond")
		})
	}
}

func TestCollect_Vanished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "gpu.json", `1`)
	gpu := section(t, dir, "gpu")
	require.NoError(t, os.Remove(filepath.Join(dir, "gpu.json")))
	_, err := gpu.Collect(t.Context())
	require.ErrorIs(t, err, domain.CodeFileUnreadable)
	require.NoError(t, os.Remove(dir))
	_, err = gpu.Collect(t.Context())
	require.ErrorIs(t, err, domain.CodeFileUnreadable)
}

// A writer that renames is never seen half-way, however often one looks.
func TestCollect_WhileRenamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "gpu.json", `[]`)
	gpu := section(t, dir, "gpu")
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		var err error
		for i := 0; ctx.Err() == nil && err == nil; i++ {
			fresh := filepath.Join(dir, ".gpu.new")
			err = errors.Join(os.WriteFile(fresh, []byte("["+strings.Repeat("1,", i%3000)+"1]"), 0o600),
				os.Rename(fresh, filepath.Join(dir, "gpu.json")))
		}
		stopped <- err
	}()
	for range 300 {
		_, err := gpu.Collect(t.Context())
		require.NoError(t, err)
	}
	stop()
	require.NoError(t, <-stopped)
}

func TestSection_Conforms(t *testing.T) {
	t.Parallel()
	portstest.Section(t, func(tb testing.TB) ports.Section {
		tb.Helper()
		dir := tb.TempDir()
		require.NoError(tb, os.WriteFile(filepath.Join(dir, "gpu.json"), []byte(`[1, 2]`), 0o600))
		listed, err := dropin.New(dir).Sections(tb.Context())
		require.NoError(tb, err)
		return listed[0].Section
	})
}
