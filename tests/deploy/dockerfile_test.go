package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dockerfile is what docker build reads: the parser is its own.
type dockerfile struct {
	base     string            // what the build starts from
	runs     []string          // the shell commands of the build stage
	args     []string          // what they may be told
	copies   map[string]string // from a path in the build stage to one in the image
	user     string
	env      map[string]string
	command  []string // as the image starts
	health   []string
	warnings []string
}

func parseDockerfile(t *testing.T) dockerfile {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	tree, err := parser.Parse(bytes.NewReader(text))
	require.NoError(t, err)
	d := dockerfile{copies: map[string]string{}, env: map[string]string{}}
	warn := func(rule, _, _, message string, _ []parser.Range) { d.warnings = append(d.warnings, rule+": "+message) }
	stages, _, err := instructions.Parse(tree.AST, linter.New(&linter.Config{Warn: warn}))
	require.NoError(t, err)
	require.Len(t, stages, 2, "one stage builds, the other is the image")
	d.base = stages[0].BaseName
	for _, command := range stages[0].Commands {
		switch c := command.(type) {
		case *instructions.RunCommand:
			require.True(t, c.PrependShell, "the test runs what a shell runs")
			d.runs = append(d.runs, strings.Join(c.CmdLine, " "))
		case *instructions.ArgCommand:
			for _, arg := range c.Args {
				d.args = append(d.args, arg.Key)
			}
		}
	}
	require.Equal(t, "scratch", stages[1].BaseName)
	var entrypoint, cmd []string
	for _, command := range stages[1].Commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			require.Equal(t, "build", c.From)
			require.Len(t, c.SourcePaths, 1)
			d.copies[c.SourcePaths[0]] = c.DestPath
		case *instructions.UserCommand:
			d.user = c.User
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				d.env[pair.Key] = pair.Value
			}
		case *instructions.EntrypointCommand:
			require.False(t, c.PrependShell, "there is no shell in the image")
			entrypoint = c.CmdLine
		case *instructions.CmdCommand:
			require.False(t, c.PrependShell, "there is no shell in the image")
			cmd = c.CmdLine
		case *instructions.HealthCheckCommand:
			require.Equal(t, "CMD", c.Health.Test[0], "there is no shell in the image")
			d.health = c.Health.Test[1:]
		}
	}
	d.command = slices.Concat(entrypoint, cmd)
	return d
}

// TestDockerfile_Sound: it parses, the rules of Docker's parser have nothing to say, and
// what cannot be tried without Docker agrees with the rest of the repository.
func TestDockerfile_Sound(t *testing.T) {
	d := parseDockerfile(t)
	assert.Empty(t, d.warnings)
	assert.Regexp(t, `^[1-9][0-9]*:[1-9][0-9]*$`, d.user, "not root; a number, so that Kubernetes can tell")
	assert.Equal(t, []string{"VERSION", "COMMIT", "DATE"}, d.args)
	assert.Equal(t, map[string]string{"/src/bin/api": "/api"}, d.copies)
	assert.Equal(t, []string{"/api", "healthcheck"}, d.health)
	require.Len(t, d.runs, 1)
	assert.Regexp(t, `^make static `, d.runs[0], "the image is built as everything else is")

	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	assert.Equal(t, "golang:"+string(goVersion[1])+"-bookworm", d.base, "the builder's Go is that of go.mod")
}

// TestDockerfile_Context: what Docker is sent has no secrets and nothing that a
// build would not need. That it has all that a build needs, the build shows.
func TestDockerfile_Context(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{
		".env", "deploy/systemd/orchmetrics.env", "orchestrator.db", "demo/orchestrator.db-wal", ".git/config", "bin/api", "tests/main_test.go",
		"go.mod", "cmd/api/main.go", "docs/openapi.json",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	assert.Equal(t, []string{"cmd/api/main.go", "docs/openapi.json", "go.mod"}, buildContext(t, root))
}
