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
					status, stdout, stderr := command(t, env, "healthcheck")
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
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "--ready"}} {
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
			status, _, stderr := command(t, env, append([]string{"healthcheck", "--ready"}, access...)...)
			assert.Equal(t, 0, status, stderr)
			status, _, stderr = command(t, env, "healthcheck", "--ready")
			assert.Equal(t, min(len(access), 1), status, stderr)
			if strings.Contains(strings.Join(access, ""), "user") {
				assert.Contains(t, stderr, "/readyz answered 401 Unauthorized: it asks for a password; give --user and --password-file")
				status, _, stderr = command(t, env, "healthcheck", "--ready", "--user=reader", "--password-file="+site.path("ca.crt"))
				assert.Equal(t, 1, status, "a wrong password: %s", stderr)
				status, _, stderr = command(t, env, "healthcheck", "--ready", "--user=reader", "--password-file=/nowhere")
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
	status, _, stderr := command(t, []string{"ORCH_LISTEN=" + other.Listener.Addr().String()}, "healthcheck")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "/livez answered 401 Unauthorized")

	address, _ := site.serve(t, "127.0.0.1:0", "both.yml")
	for config, want := range map[string]string{
		"stranger.yml":    "certificate",
		"certificate.yml": "",
		"password.yml":    "it speaks TLS; set ORCH_WEB_CONFIG_FILE",
		"nowhere.yml":     site.path("nowhere.yml") + ": no such file",
	} {
		status, _, stderr := command(t, []string{"ORCH_LISTEN=" + address, "ORCH_WEB_CONFIG_FILE=" + site.path(config)}, "healthcheck")
		if want == "" { // the same certificate: it is the service, though its file asks for less
			assert.Equal(t, 0, status, stderr)
			continue
		}
		assert.Equal(t, 1, status, config)
		assert.Contains(t, stderr, want)
	}
	plain, _ := site.serve(t, "127.0.0.1:0", "")
	status, _, _ = command(t, []string{"ORCH_LISTEN=" + plain, "ORCH_WEB_CONFIG_FILE=" + site.path("certificate.yml")}, "healthcheck")
	assert.Equal(t, 1, status, "who does not show the certificate is not who asks for one")
}

// TestRecord_Guarded: a running service is recorded at any address it may have,
// with whatever it asks for, and no secret is on the command line or in the log.
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
			args := append([]string{"record", "--every=10ms", "--for=300ms", "--url=" + c.scheme + address}, c.access...)
			status, stdout, stderr := command(t, env, args...)
			require.Equal(t, 0, status, stderr)
			assert.NotContains(t, stderr, "secret")
			line, _, _ := strings.Cut(stdout, "\n")
			contracttest.Validate(t, []byte(line))
			assert.Contains(t, line, `"work_item":`)
		})
	}
}

// TestRecord_TrustsWhomItIsTold: a certificate counts if its authority and its name
// are right, and else nothing is recorded.
func TestRecord_TrustsWhomItIsTold(t *testing.T) {
	t.Parallel()
	site := newGuardedSite(t)
	record := func(config, authorities string) (int, string, string) {
		address, _ := site.serve(t, "127.0.0.1:0", config)
		args := []string{"record", "--every=10ms", "--for=300ms", "--url=https://" + address}
		if authorities != "" {
			args = append(args, "--ca-file="+site.path(authorities))
		}
		return command(t, nil, args...)
	}
	status, stdout, stderr := record("named.yml", "ca.crt")
	assert.Equal(t, 0, status, stderr)
	assert.NotEmpty(t, stdout)
	for _, c := range []struct{ config, authorities, want string }{
		{"named.yml", "", "certificate signed by unknown authority"},
		{"named.yml", "stranger.crt", "certificate signed by unknown authority"},
		{"tls.yml", "ca.crt", "doesn't contain any IP SANs"}, // the authority is right, the name is not
		{"named.yml", "password", "has no certificate in PEM"},
	} {
		status, stdout, stderr := record(c.config, c.authorities)
		assert.Equal(t, 1, status)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, c.want)
	}
}
