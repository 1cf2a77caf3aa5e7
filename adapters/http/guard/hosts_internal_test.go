package guard

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHosts_Own(t *testing.T) {
	t.Parallel()
	name, err := os.Hostname()
	require.NoError(t, err)
	known := NewHosts("metrics.internal:9099", nil, nil)
	for _, host := range []string{
		"127.0.0.1", "127.0.0.1:9099", "[::1]", "[::1]:9099", "192.0.2.7:80", "[2001:db8::7]:9099", "[fe80::1%25eth0]:9099", "127.0.0.1.",
		"localhost", "localhost:9099", "LocalHost.", "app.localhost:9099", "",
		name, name + ":9099", strings.ToUpper(name), name + ".", "metrics.internal", "Metrics.Internal:9099",
	} {
		assert.True(t, known.allow(host), host)
	}
	for _, host := range []string{
		"evil.example", "evil.example:9099", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", name + ".evil.example",
		"x" + name, "metrics.internal.evil.example", "[evil.example]", "0x7f000001.example", "*", ".", ":9099", "localhost:9099:9099",
	} {
		assert.False(t, known.allow(host), host)
	}
}

// TestHosts_NothingMakesAnotherOurs: whatever is put before or behind the name.
func TestHosts_NothingMakesAnotherOurs(t *testing.T) {
	t.Parallel()
	known := NewHosts(":9099", []string{"metrics.example.org", "*.svc"}, nil)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "before") + "evil.example" + rapid.SampledFrom([]string{"", ".", ":9099", ":", "]", "]:9099"}).Draw(t, "behind")
		if known.allow(name) {
			t.Fatalf("%q is allowed", name)
		}
	})
}

func TestHosts_Allowed(t *testing.T) {
	t.Parallel()
	known := NewHosts(":9099", []string{"Metrics.example.org", "*.svc", "*.cluster.local.", "orchmetrics"}, nil)
	for _, host := range []string{
		"metrics.example.org", "METRICS.example.org.:9099", "orchestrator.default.svc:9099", "a.svc", "x.y.cluster.local", "orchmetrics:9099",
	} {
		assert.True(t, known.allow(host), host)
	}
	for _, host := range []string{"example.org", "other.example.org", "svc", "evilsvc", "cluster.local", "a.svc.evil.example", "orchmetrics.example.org"} {
		assert.False(t, known.allow(host), host)
	}
	assert.True(t, NewHosts(":9099", []string{"*"}, nil).allow("evil.example"))
}

func TestHosts_Validate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "a.example.org", "A_1-b.example.", "*.example.org", "*.svc", "*", "192.0.2.7", "2001:db8::7"} {
		require.NoError(t, ValidateHost(name), name)
	}
	for _, name := range []string{"", " ", "http://a", "a:9099", "a/b", "*a", "a.*", "*.*", "*.", "a..b", ".a", "**", "a b", "ä", "[::1]"} {
		require.ErrorContains(t, ValidateHost(name), "is no host name", name)
	}
}

// TestHosts_Beside reads lines as hosts(5) describes them.
func TestHosts_Beside(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"box.example.org", "box"}, beside("box", "127.0.1.1\tbox.example.org  box # this one"))
	assert.Equal(t, []string{"Box"}, beside("box", "192.0.2.7 Box"))
	for _, line := range []string{"", "# 127.0.1.1 box", "127.0.0.1 localhost ads.example", "box other", "127.0.1.1 boxes"} {
		assert.Empty(t, beside("box", line), line)
	}
}
