package tests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadOnly_ThousandScrapesChangeNothing: the database, its write-ahead log
// and the directory are the same bytes before and after, beside a live writer
// and at rest. In `make chaos` it is a thousand for each.
func TestReadOnly_ThousandScrapesChangeNothing(t *testing.T) {
	t.Parallel()
	scrapes := 500
	if long() {
		scrapes = 1000
	}
	for name, live := range map[string]bool{"live": true, "at rest": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDatabase(t, "schema.sql", "busy.sql")
			if live {
				startWriter(t, path).run("UPDATE tasks SET repo='changed' WHERE id=7;")
			}
			s := startService(t, []string{"ORCH_DB=" + path}, "serve")
			before := fingerprint(t, filepath.Dir(path))
			for i := range scrapes {
				if i%50 == 0 { // to look into each costs more than all of them
					envelope := s.metrics(t)
					require.Equal(t, "ok", envelope["sections"].(map[string]any)["stages"].(map[string]any)["status"])
					continue
				}
				response, err := s.client.Get(s.url + "/metrics")
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, response.Body)
				require.NoError(t, errors.Join(err, response.Body.Close()))
				require.Equal(t, http.StatusOK, response.StatusCode)
			}
			assert.Equal(t, before, fingerprint(t, filepath.Dir(path)))
			if live {
				assert.Contains(t, before, "orchestrator.db-wal")
			} else {
				assert.Len(t, before, 1)
			}
		})
	}
}

// fingerprint describes every file of a directory: mode, size, modification time
// and content.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found[entry.Name()] = fmt.Sprintf("%s %d %s %x", info.Mode(), info.Size(), info.ModTime(), sha256.Sum256(content))
		return nil
	}))
	return found
}
