package tests

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// block is a fenced block of docs/extending.md with the marker above it, such as
// <!-- file: PATH -->.
type block struct{ kind, name, text string }

func extendingBlocks(t *testing.T) []block {
	t.Helper()
	marked := regexp.MustCompile("(?s)<!-- (\\w+)(?:: ([^ ]+))? -->\n```\\w*\n(.*?)\n```\n")
	var blocks []block
	for _, found := range marked.FindAllStringSubmatch(read(t, "docs/extending.md"), -1) {
		blocks = append(blocks, block{found[1], found[2], found[3] + "\n"})
	}
	require.Len(t, blocks, strings.Count(read(t, "docs/extending.md"), "<!--"), "every marker has its block")
	return blocks
}

func blockOf(t *testing.T, kind, name string) string {
	t.Helper()
	for _, b := range extendingBlocks(t) {
		if b.kind == kind && b.name == name {
			return b.text
		}
	}
	require.Fail(t, "docs/extending.md has no such block", "%s %s", kind, name)
	return ""
}

// steady replaces what differs between two runs of a document's command.
func steady(text string) string {
	for pattern, replacement := range map[string]string{
		`"(generated_at|started_at|as_of|boot_id|id|version)": ?"[^"]*"`: `"$1": ""`,
		`"(unix_ms|boottime_ms|clk_tck|duration_ms)": ?[0-9.e-]+`:        `"$1": 0`,
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, replacement)
	}
	return text
}

// TestClone does one after the other what people do in a clean clone. One clone has to
// do for all, since all is compiled anew in each place.
func TestClone(t *testing.T) {
	t.Parallel()
	root := clone(t)
	t.Run("commands of README", func(t *testing.T) { readmeCommands(t, root) })
	t.Run("versions built", func(t *testing.T) { versionsBuilt(t, root) })
	t.Run("extending", func(t *testing.T) { extending(t, root) })
}

// extending does what a developer of another team would, as docs/extending.md says: the
// files of the document are written, its patch is applied, its commands run, and what
// they print is what it shows.
func extending(t *testing.T, root string) {
	t.Helper()
	addGoSections(t, root)
	bin := t.TempDir()
	runIn(t, root, "go", "build", "-o", bin+"/", "./cmd/api", "./examples/sidecar")
	api, sidecar := filepath.Join(bin, "api"), filepath.Join(bin, "sidecar")

	t.Run("sections in Go", func(t *testing.T) {
		t.Parallel()
		runIn(t, root, "go", "test", "./adapters/workspaces")
		if long() {
			othersPass(t, root)
		}
		work := t.TempDir()
		for _, name := range []string{"web-shop", "billing-api"} {
			require.NoError(t, os.MkdirAll(filepath.Join(work, "workspaces", name), 0o700))
		}
		out := runIn(t, work, api, "snapshot", "--section", "workspaces")
		contracttest.Validate(t, out)
		assert.Equal(t, steady(blockOf(t, "output", "workspaces")), steady(string(out)))
	})
	t.Run("a module of its own", func(t *testing.T) {
		t.Parallel()
		commands := strings.Replace(blockOf(t, "shell", "module"), "go mod tidy\n", "cp ../orchmetrics/go.sum .\nexport GOFLAGS='-mod=mod -ldflags=-w'\n", 1)
		runIn(t, filepath.Join(root, "..", "ours"), "sh", "-ec", commands+"go test ./...") // nothing is downloaded
	})
	t.Run("a section without Go", func(t *testing.T) {
		t.Parallel()
		dropIn(t, api)
	})
	t.Run("a history", func(t *testing.T) {
		t.Parallel()
		recordAndReplay(t, api, sidecar)
	})
	t.Run("a scenario", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, blockOf(t, "output", "fixtures"), string(runIn(t, t.TempDir(), api, "fixtures")))
		scenario := startProgram(t, api, nil, "serve", "--fixture=scenario:waiting-on-child")
		out := runIn(t, root, sidecar, "--url", scenario.url+"/metrics", "--every=20ms", "--times=3")
		assert.Equal(t, blockOf(t, "output", "sidecar"), string(out))
	})
}

// othersPass makes the goldens anew in a clone, and runs those tests that see all
// sections of the repository.
func othersPass(t *testing.T, root string) {
	t.Helper()
	runIn(t, root, "go", "test", "-vet=off", ".", "./cmd/api")
	whole := filepath.Join(t.TempDir(), "whole.test")
	runIn(t, root, "go", "test", "-vet=off", "-c", "-o", whole, "./tests")
	runIn(t, filepath.Join(root, "tests"), whole, "-test.run=^TestGolden$", "-update")
	runIn(t, filepath.Join(root, "tests"), whole, "-test.run=^Test(Golden|Replay_(Equals|Of)|Scenarios|Readme_Section|OpenAPI)")
}

// addGoSections writes the document's files into a clone, and applies its patch.
func addGoSections(t *testing.T, root string) {
	t.Helper()
	for _, b := range extendingBlocks(t) {
		if b.kind == "file" {
			path := filepath.Join(root, filepath.FromSlash(b.name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, []byte(b.text), 0o600))
			assert.Empty(t, string(runIn(t, root, "gofmt", "-l", path)), b.name)
		}
	}
	applyPatch(t, filepath.Join(root, "providers.go"), blockOf(t, "patch", ""))
}

// applyPatch puts each line that a patch adds below the one that the patch shows
// above it. What follows there may be another team's line.
func applyPatch(t *testing.T, path, patch string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	text, above := string(content), ""
	for line := range strings.Lines(patch) {
		added, isAdded := strings.CutPrefix(line, "+")
		switch {
		case strings.HasPrefix(line, "+++"):
		case isAdded:
			require.Equal(t, 1, strings.Count(text, above), "the line %q of the patch is not in %s", above, path)
			text = strings.Replace(text, above, above+added, 1)
		default:
			above = strings.TrimPrefix(line, " ")
		}
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// TestExtending_ModuleOfItsOwn runs the tests of each example that is a module,
// with the sums of this one, so that nothing is downloaded.
func TestExtending_ModuleOfItsOwn(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob("../examples/*/go.mod")
	require.NoError(t, err)
	require.NotEmpty(t, modules)
	for _, module := range modules {
		mod := filepath.Join(t.TempDir(), "go.mod")
		for to, from := range map[string]string{mod: module, strings.TrimSuffix(mod, "mod") + "sum": "../go.sum"} {
			text, err := os.ReadFile(from)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(to, text, 0o600))
		}
		runIn(t, filepath.Dir(module), "go", "test", "-mod=mod", "-modfile="+mod, "./...")
	}
}

// dropIn drops a file into a running service.
func dropIn(t *testing.T, api string) {
	t.Helper()
	work := t.TempDir()
	dir := filepath.Join(work, "sections")
	s := startProgram(t, api, []string{"ORCH_SECTIONS_DIR=" + dir}, "serve")
	assert.Equal(t, "file_unreadable", report(t, s, "ORCH_SECTIONS_DIR")["code"], "there is no directory yet")
	require.NoError(t, os.Mkdir(dir, 0o700))
	status, _ := s.get(t, "/metrics?section=build_cache")
	require.Equal(t, http.StatusBadRequest, status)

	runIn(t, work, "sh", "-ec", blockOf(t, "shell", "drop"))
	status, body := s.get(t, "/metrics?section=build_cache")
	require.Equal(t, http.StatusOK, status)
	contractSection(t, body, "build_cache")
	assert.NotContains(t, s.metrics(t)["sections"], "ORCH_SECTIONS_DIR")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "half.json"), []byte(`{"a":`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "agents.json"), []byte(`[]`), 0o600))
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(dir, "host.json")))
	assert.Equal(t, "invalid_value", report(t, s, "half")["code"])
	assert.Equal(t, "file_unreadable", report(t, s, "host")["code"])
	assert.Equal(t, "key_refused", report(t, s, "agents.json")["code"])
	assert.Equal(t, "ok", report(t, s, "build_cache")["status"])
	status, body = s.get(t, "/metrics")
	require.Equal(t, http.StatusOK, status)
	contracttest.Validate(t, body)

	require.NoError(t, os.Remove(filepath.Join(dir, "build_cache.json")))
	status, _ = s.get(t, "/metrics?section=build_cache")
	require.Equal(t, http.StatusBadRequest, status)
}

func report(t *testing.T, s *service, key string) map[string]any {
	t.Helper()
	reports := s.metrics(t)["sections"].(map[string]any)
	require.Contains(t, reports, key)
	return reports[key].(map[string]any)
}

// contractSection compares an answer with the one that the document shows.
func contractSection(t *testing.T, body []byte, name string) {
	t.Helper()
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, body, "", "  "))
	assert.Equal(t, steady(blockOf(t, "output", name)), steady(indented.String()+"\n"))
}

// recordAndReplay records the demo through HTTP, plays it, and lets the example of
// a reader look at it.
func recordAndReplay(t *testing.T, api, sidecar string) {
	t.Helper()
	demo := startProgram(t, api, []string{"TMPDIR=" + t.TempDir()}, "demo", "--tick=200ms")
	recording := runIn(t, t.TempDir(), api, "record", "--every=200ms", "--for=3s", "--url="+demo.url)
	file := filepath.Join(t.TempDir(), "busy.jsonl")
	require.NoError(t, os.WriteFile(file, recording, 0o600))
	lines := bytes.Split(bytes.TrimSpace(recording), []byte("\n"))
	require.Greater(t, len(lines), 1)

	replay := startProgram(t, api, nil, "serve", "--fixture="+file, "--fixture-loop")
	for round := range 2 {
		for i, line := range lines {
			status, body := replay.get(t, "/metrics")
			require.Equal(t, http.StatusOK, status)
			contracttest.Validate(t, body)
			require.Equal(t, replayed(line), replayed(body), "round %d, answer %d", round, i)
		}
	}
	seen := runIn(t, t.TempDir(), sidecar, "--url", replay.url+"/metrics", "--every=1ms", "--times="+strconv.Itoa(len(lines)))
	assert.Regexp(t, `(?m)^agent=\S+ job=\d+ pid=\d+ own=\d`, string(seen), "a share of a core, from two answers of the recording")
	assert.NotContains(t, string(seen), "no answer")

	own := runIn(t, t.TempDir(), api, "record", "--every=50ms", "--for=200ms", "--db=none.db")
	for line := range bytes.Lines(own) {
		contracttest.Validate(t, line)
	}
}
