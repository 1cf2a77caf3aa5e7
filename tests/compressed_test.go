package tests

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// TestCurl_Compressed: curl reads what it asks for, JSON, text and the page.
func TestCurl_Compressed(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("needs curl (Debian: apt-get install curl)")
	}
	version, err := exec.Command(curl, "--version").Output()
	require.NoError(t, err)
	coding := "gzip"
	if strings.Contains(string(version), "zstd/") {
		coding = "zstd"
	}
	server := httptest.NewServer(everything(t))
	t.Cleanup(server.Close)
	ask := func(args ...string) (header, body string) {
		answer, err := exec.Command(curl, append([]string{"-sfi"}, args...)...).Output()
		require.NoError(t, err)
		header, body, _ = strings.Cut(string(answer), "\r\n\r\n")
		return header, body
	}
	for _, target := range []string{"/metrics", "/metrics/prometheus", "/", "/openapi.json"} {
		plainHeader, plain := ask(server.URL + target)
		assert.NotContains(t, plainHeader, "Content-Encoding")
		header, body := ask("--compressed", server.URL+target)
		assert.Contains(t, header, "Content-Encoding: "+coding)
		switch target {
		case "/metrics":
			contracttest.Validate(t, []byte(body))
		case "/metrics/prometheus":
			assert.Contains(t, body, "orchestrator_agent_runtime_seconds{")
		default:
			assert.Equal(t, plain, body)
		}
	}
}
