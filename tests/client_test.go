package tests

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// guardedSite is a directory with certificates of an authority of its own, a
// password and web configs. The server's certificate has a name that nobody asks
// for it by: probes ask on loopback.
type guardedSite struct {
	dir string
}

func newGuardedSite(t *testing.T) guardedSite {
	t.Helper()
	s := guardedSite{t.TempDir()}
	authority, signer := s.issue(t, "ca", nil, nil)
	s.issue(t, "server", authority, signer)
	s.issue(t, "client", authority, signer)
	s.issue(t, "named", authority, signer, net.IPv4(127, 0, 0, 1))
	s.issue(t, "stranger", nil, nil)
	s.write(t, "password", "secret\n")
	const secured = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
	users := "basic_auth_users: {reader: " + documentedHash(t) + "}\n"
	s.write(t, "password.yml", users)
	s.write(t, "tls.yml", secured)
	s.write(t, "both.yml", secured+users)
	s.write(t, "certificate.yml", strings.Replace(secured, "}", ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt}", 1))
	s.write(t, "certificate12.yml", strings.Replace(secured, "}",
		", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, max_version: TLS12}", 1))
	s.write(t, "named.yml", strings.ReplaceAll(secured, "server.", "named."))
	s.write(t, "stranger.yml", strings.ReplaceAll(secured, "server.", "stranger."))
	s.write(t, "rare.yml", "rate_limit: {burst: 1, interval: 1h}\n")
	return s
}

func (s guardedSite) path(name string) string { return filepath.Join(s.dir, name) }

func (s guardedSite) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(s.path(name), []byte(text), 0o600))
}

// issue writes a certificate and its key, signed by a parent or by itself.
func (s guardedSite) issue(
	t *testing.T, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey, addresses ...net.IP,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name + ".example"}, IPAddresses: addresses,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	s.write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate, key
}

// serve runs `api serve` on an address with a web config until the test ends, and
// returns the address and the environment that its probes share with it.
func (s guardedSite) serve(t *testing.T, listen, config string, env ...string) (address string, shared []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), "serve")
	cmd.Dir = t.TempDir()
	shared = append([]string{"PATH=" + os.Getenv("PATH"), "ORCH_DB=" + newDatabase(t, "schema.sql", "busy.sql")}, env...)
	if config != "" {
		shared = append(shared, "ORCH_WEB_CONFIG_FILE="+s.path(config))
	}
	cmd.Env = slices.Concat(shared, []string{"ORCH_LISTEN=" + listen})
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var drained sync.WaitGroup
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		drained.Wait()
		_ = cmd.Wait()
	})
	serving := regexp.MustCompile(`msg=serving address=(\S+)`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			drained.Go(func() { _, _ = io.Copy(io.Discard, stderr) })
			return found[1], append(shared, "ORCH_LISTEN="+found[1])
		}
	}
	require.Fail(t, "the program did not serve")
	return "", nil
}

// command runs the program to its end in an empty directory.
func command(t *testing.T, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Dir, cmd.Env = t.TempDir(), env
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestHealthcheck_Guarded: as the image runs it, with the settings of the service
// and nothing else, a service that is well is well, whatever its web config asks
// of others.
func TestHealthcheck_Guarded(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	for _, config := range []string{"", "password.yml", "tls.yml", "both.yml", "certificate.yml", "certificate12.yml", "rare.yml"} {
		for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
			t.Run(config+" "+listen[:4], func(t *testing.T) {
				t.Parallel()
				_, env := site.serve(t, listen, config)
				for range 2 {
					status, stdout, stderr := command(t, env, "healthcheck", "--timeout=1m")
					assert.Equal(t, 0, status, stderr)
					assert.Contains(t, stdout, "/livez ")
				}
			})
		}
	}
}

// TestHealthcheck_OfProbes: the address for probes asks for nothing, beside
// whatever web config.
func TestHealthcheck_OfProbes(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	socket := "ORCH_HEALTH_LISTEN=unix:" + filepath.Join(t.TempDir(), "h")
	_, env := site.serve(t, "127.0.0.1:0", "both.yml", socket)
	for _, args := range [][]string{{"healthcheck", "--timeout=1m"}, {"healthcheck", "--timeout=1m", "--ready"}} {
		status, _, stderr := command(t, env, args...)
		assert.Equal(t, 0, status, stderr)
	}
}

// TestHealthcheck_Ready: to see whether the sections can be read, one has to be let
// in.
func TestHealthcheck_Ready(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	known := []string{"--user=reader", "--password-file=" + site.path("password")}
	shown := []string{"--cert=" + site.path("client.crt"), "--key=" + site.path("client.key")}
	for config, access := range map[string][]string{"tls.yml": {}, "password.yml": known, "both.yml": known, "certificate.yml": shown} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			_, env := site.serve(t, "127.0.0.1:0", config)
			status, _, stderr := command(t, env, append([]string{"healthcheck", "--timeout=1m", "--ready"}, access...)...)
			assert.Equal(t, 0, status, stderr)
			status, _, stderr = command(t, env, "healthcheck", "--timeout=1m", "--ready")
			assert.Equal(t, min(len(access), 1), status, stderr)
			if strings.Contains(strings.Join(access, ""), "user") {
				assert.Contains(t, stderr, "/readyz answered 401 Unauthorized: it asks for a password; give --user and --password-file")
				status, _, stderr = command(t, env, "healthcheck", "--timeout=1m", "--ready", "--user=reader", "--password-file="+site.path("ca.crt"))
				assert.Equal(t, 1, status, "a wrong password: %s", stderr)
				status, _, stderr = command(t, env, "healthcheck", "--timeout=1m", "--ready", "--user=reader", "--password-file=/nowhere")
				assert.Equal(t, 1, status)
				assert.Contains(t, stderr, "--password-file: open /nowhere: no such file")
			}
		})
	}
}

// TestHealthcheck_OfAnother: who is not the service does not count as it, whatever
// they answer.
func TestHealthcheck_OfAnother(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="somewhere else"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	defer other.Close()
	status, _, stderr := command(t, []string{"ORCH_LISTEN=" + other.Listener.Addr().String()}, "healthcheck", "--timeout=1m")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "/livez answered 401 Unauthorized")

	address, _ := site.serve(t, "127.0.0.1:0", "both.yml")
	for config, want := range map[string]string{
		"stranger.yml":    "certificate",
		"certificate.yml": "",
		"password.yml":    "it speaks TLS; set ORCH_WEB_CONFIG_FILE",
		"nowhere.yml":     site.path("nowhere.yml") + ": no such file",
	} {
		status, _, stderr := command(t, []string{"ORCH_LISTEN=" + address, "ORCH_WEB_CONFIG_FILE=" + site.path(config)}, "healthcheck", "--timeout=1m")
		if want == "" { // the same certificate: it is the service, though its file asks for less
			assert.Equal(t, 0, status, stderr)
			continue
		}
		assert.Equal(t, 1, status, config)
		assert.Contains(t, stderr, want)
	}
	plain, _ := site.serve(t, "127.0.0.1:0", "")
	status, _, _ = command(t, []string{"ORCH_LISTEN=" + plain, "ORCH_WEB_CONFIG_FILE=" + site.path("certificate.yml")}, "healthcheck", "--timeout=1m")
	assert.Equal(t, 1, status, "who does not show the certificate is not who asks for one")
}

// recorded runs `api record` until it says something: an answer, or why there is
// none.
func recorded(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), append([]string{"record", "--every=100ms", "--for=0"}, args...)...)
	cmd.Dir, cmd.Env = t.TempDir(), env
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	require.NoError(t, writer.Close())
	said, _ := bufio.NewReader(reader).ReadString('\n')
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	return said
}

// TestRecord_Guarded: a running service is recorded at any address it may have,
// with whatever it asks for.
func TestRecord_Guarded(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	socket := "unix:" + filepath.Join(t.TempDir(), "s")
	known := []string{"--user=reader", "--password-file=" + site.path("password")}
	shown := []string{"--cert=" + site.path("client.crt"), "--key=" + site.path("client.key")}
	for name, c := range map[string]struct {
		listen, config, scheme string
		access                 []string
		shares                 bool // the settings of the service
	}{
		"a socket":                    {socket + "1", "", "", nil, false},
		"a socket with a password":    {socket + "2", "password.yml", "", known, false},
		"a socket with TLS":           {socket + "3", "both.yml", "", known, true},
		"a password":                  {"127.0.0.1:0", "password.yml", "http://", known, false},
		"the service's own settings":  {"127.0.0.1:0", "both.yml", "https://", known, true},
		"just an address":             {"127.0.0.1:0", "both.yml", "", known, true},
		"any certificate":             {"127.0.0.1:0", "both.yml", "https://", append([]string{"--insecure"}, known...), false},
		"a certificate of the client": {"127.0.0.1:0", "certificate.yml", "https://", shown, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, env := site.serve(t, c.listen, c.config)
			if !c.shares {
				env = nil
			}
			said := recorded(t, env, append(c.access, "--url="+c.scheme+address)...)
			contracttest.Validate(t, []byte(said))
			assert.Contains(t, said, `"work_item":"ORCH-`)
		})
	}
}

// TestRecord_NotLetIn: it is told why, with what to do and without the password.
func TestRecord_NotLetIn(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	address, _ := site.serve(t, "127.0.0.1:0", "password.yml")
	for user, password := range map[string]string{"": "", "reader": "hunter2", "somebody": "secret"} {
		site.write(t, "password."+user, password)
		var access []string
		if user != "" {
			access = []string{"--user=" + user, "--password-file=" + site.path("password."+user)}
		}
		said := recorded(t, nil, append(access, "--url=http://"+address)...)
		assert.Contains(t, said, "/metrics answered 401 Unauthorized: it asks for a password; give --user and --password-file")
		assert.NotContains(t, said, "hunter2")
	}
}

// TestRecord_TrustsWhomItIsTold: a certificate counts if its authority and its name
// are right, and else nothing is recorded.
func TestRecord_TrustsWhomItIsTold(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	for _, c := range []struct{ config, authorities, want string }{
		{"named.yml", "ca.crt", `"work_item":"ORCH-`},
		{"named.yml", "", "certificate signed by unknown authority"},
		{"named.yml", "stranger.crt", "certificate signed by unknown authority"},
		{"tls.yml", "ca.crt", "doesn't contain any IP SANs"}, // the authority is right, the name is not
		{"named.yml", "password", "has no certificate in PEM"},
	} {
		address, _ := site.serve(t, "127.0.0.1:0", c.config)
		args := []string{"--url=https://" + address}
		if c.authorities != "" {
			args = append(args, "--ca-file="+site.path(c.authorities))
		}
		assert.Contains(t, recorded(t, nil, args...), c.want)
	}
}
