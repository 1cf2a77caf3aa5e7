package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// TestDoctor_SectionsDir: names that a writer left behind, too many files, and what
// is no directory.
func TestDoctor_SectionsDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sections")
	require.NoError(t, os.Mkdir(dir, 0o755))
	found := func() doctor.Result {
		return of(t, surgery{env: []string{"ORCH_DB=/nowhere", "ORCH_SECTIONS_DIR=" + dir}}.examine(t, "--json").report(t), "sections_dir")
	}
	write := func(many int, name string) {
		for i := range many {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf(name, i)), []byte("1"), 0o600))
		}
	}
	write(3, "s%02d.json")
	write(100, "%05d.tmp")
	assert.Equal(t, doctor.OK, found().Status)

	write(12_000, "%05d.tmp")
	result := found()
	assert.Equal(t, doctor.Warning, result.Status)
	assert.Contains(t, result.Message, ": 3 sections, and 12000 other names, which each scrape reads, too")
	assert.Contains(t, result.Do, "*.tmp")
	assert.Len(t, result.Details, 3)

	write(65, "s%02d.json")
	result = found()
	assert.Equal(t, doctor.Warning, result.Status)
	assert.EqualValues(t, "too_many", *result.Code)
	assert.Len(t, result.Details, 64)

	require.NoError(t, os.Rename(dir, dir+".away"))
	require.NoError(t, syscall.Mkfifo(dir, 0o600))
	result = found()
	assert.Equal(t, doctor.Failed, result.Status)
	assert.Contains(t, result.Message, "not a directory")
}
