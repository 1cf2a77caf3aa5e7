package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

// A file that makes no sense is refused at the start, and the error repeats none
// of its secrets.
func TestWebConfigRefused(t *testing.T) {
	for name, c := range map[string]struct{ content, says string }{
		"no YAML":                  {"tls_server_config: [", "no YAML"},
		"not a mapping":            {"hunter2", "is not what belongs here"},
		"an unknown key":           {"tls_config: {}\n", "there is no setting tls_config here"},
		"a password as it is":      {"basic_auth_users: {reader: hunter2}\n", "a password in basic_auth_users is not a bcrypt hash"},
		"a long one":               {"basic_auth_users: {reader: " + strings.Repeat("hunter2", 10) + "}\n", "is not a bcrypt hash"},
		"a hash of another kind":   {"basic_auth_users: {reader: $9hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2}\n", "is not a bcrypt hash"},
		"a hash without its cost":  {"basic_auth_users: {reader: $2y$hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2}\n", "is not a bcrypt hash"},
		"a password alone":         {"basic_auth_users: hunter2\n", "is not what belongs here"},
		"a password in a list":     {"basic_auth_users: {reader: [hunter2]}\n", "is not what belongs here"},
		"a password with an *":     {"basic_auth_users: {reader: *hunter2}\n", "unknown anchor"},
		"a certificate alone":      {"tls_server_config: {cert_file: localhost.crt}\n", "missing one of key or key_file"},
		"a key alone":              {"tls_server_config: {key_file: localhost.key}\n", "missing one of cert or cert_file"},
		"no certificate there":     {"tls_server_config: {cert_file: no.crt, key_file: localhost.key}\n", "failed to read cert_file"},
		"no key there":             {"tls_server_config: {cert_file: localhost.crt, key_file: hunter2/secret.key}\n", "failed to read key_file: no such file or directory"},
		"the key of another":       {"tls_server_config: {cert_file: localhost.crt, key_file: other.key}\n", "private key does not match"},
		"a key that is none":       {"tls_server_config: {cert_file: localhost.crt, key: hunter2}\n", "failed to find any PEM data in key"},
		"authorities without wish": {"tls_server_config: {cert_file: localhost.crt, key_file: localhost.key, client_ca_file: localhost.crt}\n", "without a Client Auth Policy"},
		"a guess of seconds":       {"basic_auth_users: {admin: " + costly(t, 14) + ", \"evil\\nreader\": " + costly(t, 15) + "}\n", `the password of "evil\nreader" in basic_auth_users has a bcrypt cost of 15`},
		"a header of ours":         {"http_server_config: {headers: {Cache-Control: public}}\n", "can not be configured"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			owner := newAuthority(t)
			owner.issue(t, dir, "localhost")
			owner.issue(t, dir, "other")
			file := filepath.Join(dir, "web.yml")
			replace(t, file, c.content)
			_, err := guard.ReadWebConfig(file)
			require.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "started with")
			assert.NotContains(t, err.Error(), "localhost.key")
		})
	}
	_, err := guard.ReadWebConfig(filepath.Join(t.TempDir(), "missing.yml"))
	require.ErrorContains(t, err, "missing.yml: no such file or directory")
	_, err = guard.ReadWebConfig(t.TempDir())
	require.ErrorContains(t, err, "is a directory")

	pipe := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600)) // who opens it, waits
	_, err = guard.ReadWebConfig(pipe)
	require.ErrorContains(t, err, "it is no regular file; write the path of one")
	_, err = guard.ReadWebClient(pipe)
	require.ErrorContains(t, err, "it is no regular file")
}

// costly is a hash that says it has this cost.
func costly(t *testing.T, cost int) string {
	t.Helper()
	return strings.Replace(hashOf(t, "hunter2"), "$04$", fmt.Sprintf("$%02d$", cost), 1)
}

// TestWebConfig_CostIsBounded: what is cheap enough is taken.
func TestWebConfig_CostIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	for cost, taken := range map[int]bool{4: true, 10: true, 14: true, 15: false, 17: false, 31: false} {
		replace(t, file, "basic_auth_users: {reader: "+costly(t, cost)+"}\n")
		_, err := guard.ReadWebConfig(file)
		assert.Equal(t, taken, err == nil, cost)
	}
}

// While the file cannot be used, or no longer gives what it gave, all is refused.
func TestWebConfigGoesBad(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *site){
		"garbage":     func(t *testing.T, s *site) { replace(t, s.file, "basic_auth_users: [hunter2") },
		"removed":     func(t *testing.T, s *site) { require.NoError(t, os.Remove(s.file)) },
		"a directory": func(t *testing.T, s *site) { replace(t, s.file, ""); toDirectory(t, s.file) },
		"a pipe": func(t *testing.T, s *site) {
			require.NoError(t, os.Remove(s.file))
			require.NoError(t, syscall.Mkfifo(s.file, 0o600))
		},
		"truncated where it is": func(t *testing.T, s *site) { require.NoError(t, os.Truncate(s.file, 0)) },
		"cut in the middle":     func(t *testing.T, s *site) { require.NoError(t, os.Truncate(s.file, int64(len(s.content))-20)) },
		"nobody left":           func(t *testing.T, s *site) { replace(t, s.file, "basic_auth_users: {}\n") },
		"a guess of seconds":    func(t *testing.T, s *site) { replace(t, s.file, "basic_auth_users: {reader: "+costly(t, 17)+"}\n") },
		"a password as it is":   func(t *testing.T, s *site) { replace(t, s.file, "basic_auth_users: {reader: hunter2}\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, withPasswords, newHandler(t, snapshots{envelope: busy()}), httpapi.Health("127.0.0.1:0", snapshots{envelope: busy()}, time.Second, quiet()))
			require.Equal(t, http.StatusOK, s.status(t, "/metrics"))
			spoil(t, s)
			for range 3 {
				for _, credentials := range [][2]string{{"", ""}, {"reader", "right"}, {"reader", "wrong"}} {
					response, body, err := s.try(t, http.MethodGet, "/metrics", credentials[0], credentials[1])
					require.NoError(t, err)
					assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
					code, message := failureOf(t, []byte(body))
					assert.Equal(t, "internal", code)
					assert.Contains(t, message, "web config")
					assert.NotContains(t, body, s.dir)
				}
			}
			assert.Equal(t, 1, strings.Count(s.log.String(), "every request is refused"), s.log.String())
			assert.NotContains(t, s.log.String(), "hunter2")

			require.NoError(t, os.RemoveAll(s.file))
			replace(t, s.file, s.content)
			assert.Equal(t, http.StatusOK, s.status(t, "/metrics"), "it is back without a restart")
			assert.Equal(t, 1, strings.Count(s.log.String(), "can be used again"))
		})
	}
}

func toDirectory(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
}

// With TLS, no connection is made any more, and the log says why.
func TestCertificateGoesBad(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *site){
		"no key": func(t *testing.T, s *site) { require.NoError(t, os.Remove(filepath.Join(s.dir, "localhost.key"))) },
		"a key of another": func(t *testing.T, s *site) {
			s.authority.issue(t, s.dir, "o")
			require.NoError(t, os.Rename(s.dir+"/o.key", s.dir+"/localhost.key"))
		},
		"no TLS any more":   func(t *testing.T, s *site) { replace(t, s.file, "{}") },
		"no config at all":  func(t *testing.T, s *site) { require.NoError(t, os.Remove(s.file)) },
		"an empty file":     func(t *testing.T, s *site) { require.NoError(t, os.Truncate(s.file, 0)) },
		"garbage in a file": func(t *testing.T, s *site) { replace(t, filepath.Join(s.dir, "localhost.crt"), "hunter2") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, withTLS, newHandler(t, snapshots{envelope: busy()}))
			require.Equal(t, http.StatusOK, s.status(t, "/metrics"))
			spoil(t, s)
			require.Eventually(t, func() bool {
				_, _, err := s.try(t, http.MethodGet, "/metrics", "", "")
				assert.Error(t, err)
				return strings.Contains(s.log.String(), "the web config cannot be used")
			}, 30*time.Second, 20*time.Millisecond)
			assert.NotContains(t, s.log.String(), "localhost.key")
			assert.NotContains(t, s.log.String(), "hunter2")

			replace(t, s.file, s.content)
			s.authority.issue(t, s.dir, "localhost")
			assert.Equal(t, http.StatusOK, s.status(t, "/metrics"), "it is back without a restart")
			assert.Contains(t, s.log.String(), "can be used again")
		})
	}
}

// Connections that fail by their clients' doing are no news.
func TestFailedHandshakesAreQuiet(t *testing.T) {
	s := newSite(t, withTLS, newHandler(t, snapshots{envelope: busy()}))
	for range 5 {
		_, err := dial(t, s.host()).Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return s.status(t, "/livez") == http.StatusOK }, 10*time.Second, 10*time.Millisecond)
	time.Sleep(300 * time.Millisecond) // the file is read again; a slow machine makes this test weaker, not fail
	assert.NotContains(t, s.log.String(), "web config")
}
