package chaos

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

const rightPassword = "CANARY-right"

// webConfig is a web config, and the files that it names.
type webConfig struct {
	file, key string
	content   string
	hash      string
	client    *http.Client // trusts its certificate
}

// newWebConfig writes TLS and a password for a place.
func newWebConfig(t *testing.T, p *place) *webConfig {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler()) // of its certificate
	defer lender.Close()
	pair := lender.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	hash, err := bcrypt.GenerateFromPassword([]byte(rightPassword), bcrypt.MinCost)
	require.NoError(t, err)
	transport := lender.Client().Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // each request makes its handshake
	w := &webConfig{
		file: filepath.Join(p.dir, "CANARY-web.yml"), key: filepath.Join(p.dir, "CANARY-private.pem"),
		hash: string(hash), client: &http.Client{Transport: transport},
	}
	w.content = fmt.Sprintf("tls_server_config: {cert_file: CANARY-public.pem, key_file: CANARY-private.pem}\nbasic_auth_users: {CANARY-reader: %s}\n", hash)
	p.write(t, w.file, []byte(w.content))
	p.write(t, w.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	p.write(t, filepath.Join(p.dir, "CANARY-public.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	return w
}

// TestGuarded spoils a web config while it is in use. Nobody gets in without the
// password, nothing of it is told, and all is well again when the file is.
func TestGuarded(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, p *place, w *webConfig){
		"in order": func(*testing.T, *place, *webConfig) {},
		"removed":  func(t *testing.T, p *place, w *webConfig) { p.remove(t, w.file) },
		"emptied":  func(t *testing.T, _ *place, w *webConfig) { require.NoError(t, os.Truncate(w.file, 0)) },
		"garbage": func(t *testing.T, p *place, w *webConfig) {
			p.write(t, w.file, []byte("CANARY-garbage: [`CANARY-garbage"))
		},
		"without users": func(t *testing.T, p *place, w *webConfig) {
			p.write(t, w.file, []byte(strings.Split(w.content, "\n")[0]))
		},
		"without TLS": func(t *testing.T, p *place, w *webConfig) {
			p.write(t, w.file, []byte(strings.Split(w.content, "\n")[1]))
		},
		"a password instead of its hash": func(t *testing.T, p *place, w *webConfig) {
			p.write(t, w.file, []byte(strings.ReplaceAll(w.content, w.hash, "CANARY-plain")))
		},
		"without its key": func(t *testing.T, p *place, w *webConfig) { p.remove(t, w.key) },
	} {
		guarded.try(t, name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, owner())
			p.seed(t)
			w := newWebConfig(t, p)
			s := launch{db: p.db, as: &p.owner, env: []string{"ORCH_WEB_CONFIG_FILE=" + w.file}}.start(t)
			s.url, s.client = strings.Replace(s.url, "http:", "https:", 1), w.client
			private, err := os.ReadFile(w.key)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, asReader(t, s, p, "CANARY-reader", rightPassword))

			spoil(t, p, w)
			for _, credentials := range [][2]string{{"", ""}, {"CANARY-reader", "CANARY-wrong"}, {"CANARY-nobody", rightPassword}} {
				status := asReader(t, s, p, credentials[0], credentials[1])
				assert.Contains(t, []int{0, http.StatusUnauthorized, http.StatusInternalServerError}, status)
				if name == "in order" {
					assert.Equal(t, http.StatusUnauthorized, status)
				}
			}
			p.write(t, w.key, private)
			p.write(t, w.file, []byte(w.content))
			assert.Equal(t, http.StatusOK, asReader(t, s, p, "CANARY-reader", rightPassword))
			for _, hidden := range []string{w.hash, "CANARY-private", "CANARY-right", "CANARY-wrong", "CANARY-plain", "CANARY-garbage"} {
				assert.NotContains(t, s.logged(), hidden)
			}
		})
	}
}

// asReader returns the status of one answer, 0 if there is none, and searches it.
func asReader(t *testing.T, s *service, p *place, user, password string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.url+"/metrics", http.NoBody)
	require.NoError(t, err)
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	a, err := s.do(request)
	if err != nil {
		return 0
	}
	checkDiscreet(t, p, a, "GET /metrics")
	return a.status
}

// TestNothingLeaks_WebConfigAtStart: a web config that cannot be one refuses to
// start, and repeats no secret.
func TestNothingLeaks_WebConfigAtStart(t *testing.T) {
	t.Parallel()
	program, err := buildOnce()
	require.NoError(t, err)
	for _, content := range []string{
		"basic_auth_users: {reader: CANARY-plain}", "basic_auth_users: CANARY-plain", "basic_auth_users: {reader: *CANARY-plain}",
		"CANARY-plain", "tls_server_config: {cert: CANARY-plain, key: CANARY-plain}", "basic_auth_users: {reader: [CANARY-plain]}",
		"basic_auth_users: {reader: $2y$CANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARY}",
		"tls_server_config: {cert: x, key_file: CANARY-key}", "rate_limit: {burst: CANARY-plain}",
	} {
		discreet.try(t, content, func(t *testing.T) {
			cmd := exec.Command(program, "serve", "--listen=127.0.0.1:0", "--web.config.file=web.yml")
			cmd.Dir = t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "web.yml"), []byte(content), 0o600))
			output, err := cmd.CombinedOutput()
			require.Error(t, err)
			assert.Contains(t, string(output), "ORCH_WEB_CONFIG_FILE")
			assert.NotContains(t, string(output), canary)
		})
	}
}
