package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// TestPostgresTLS: a server that takes encrypted connections alone is read if its
// certificate is what the operator asks for, and else not, and the log says why.
func TestPostgresTLS(t *testing.T) {
	t.Parallel()
	d := &stricken{Server: postgrestest.New(t, "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'"), t: t}
	certificates := guardedSite{dir: t.TempDir()}
	ca, signer := certificates.issue(t, "ca", nil, nil)
	certificates.issue(t, "other", nil, nil)
	certificates.issue(t, "server", ca, signer, net.IPv4(127, 0, 0, 1))
	for _, name := range []string{"server.crt", "server.key"} {
		giveTo(t, d.Dir, certificates.path(name))
	}
	d.db = d.NewDatabase(t)
	d.fill()
	require.NoError(t, d.Configure("ssl = on"))
	require.NoError(t, d.Access("hostssl all metrics 127.0.0.1/32 trust", "host all orchestrator 127.0.0.1/32 trust"))

	trusted, strange := certificates.path("ca.crt"), certificates.path("other.crt")
	url := func(host, parameters string) string {
		return fmt.Sprintf("ORCH_DB=postgres://metrics@%s:%d/%s?%s", host, d.Port, d.db.Name, parameters)
	}
	for name, tt := range map[string]struct {
		env       []string
		code, why string
	}{
		"by its address": {[]string{url("127.0.0.1", "sslmode=verify-full&sslrootcert="+trusted)}, "", ""},
		"as variables": {[]string{
			"ORCH_DB=postgres://", "PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", d.Port), "PGUSER=metrics", "PGDATABASE=" + d.db.Name,
			"PGSSLMODE=verify-full", "PGSSLROOTCERT=" + trusted,
		}, "", ""},
		"any name":          {[]string{url("localhost", "sslmode=verify-ca&sslrootcert="+trusted)}, "", ""},
		"another name":      {[]string{url("localhost", "sslmode=verify-full&sslrootcert="+trusted)}, "source_unreachable", "certificate"},
		"another authority": {[]string{url("127.0.0.1", "sslmode=verify-full&sslrootcert="+strange)}, "source_unreachable", "certificate"},
		"no encryption":     {[]string{url("127.0.0.1", "sslmode=disable")}, "db_permission", "28000"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startService(t, append(tt.env, "ORCH_LOG_LEVEL=debug"), "serve")
			e := s.metrics(t)
			if tt.code == "" {
				assert.Equal(t, "ok", at2(e, "sections", "cost").(map[string]any)["status"])
				return
			}
			assert.Equal(t, tt.code, at2(e, "sections", "cost").(map[string]any)["code"])
			assert.Eventually(t, func() bool { return strings.Contains(s.log.String(), tt.why) }, 20*time.Second, 10*time.Millisecond, "%s", s.log)
		})
	}
}

// giveTo copies a file into a directory, for its owner alone.
func giveTo(t *testing.T, dir, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	copied := filepath.Join(dir, filepath.Base(path))
	require.NoError(t, os.WriteFile(copied, content, 0o600))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.NoError(t, os.Chown(copied, int(owner.Uid), int(owner.Gid)))
}
