package tests

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/contract/contracttest"
)

// readmeCommands runs the commands of README one after the other in a clone, as a
// newcomer would. All that differs is the port, which may be taken here. What is not
// run as it stands says so.
func readmeCommands(t *testing.T, root string) {
	t.Helper()
	const demo, port = "go run ./cmd/api demo", "127.0.0.1:9099"
	var ran []string
	var url string
	for _, found := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1) {
		command := strings.TrimSpace(found[1])
		ran = append(ran, command)
		switch command {
		case demo: // until Ctrl-C: left to run while the others do
			url = startDemo(t, root, command)
		case "go test ./...": // is what runs this test
			assert.Contains(t, read(t, ".ci/run"), "\n"+command+"\n")
		case "make static": // takes minutes where SQLite was not compiled this way before
			assert.Contains(t, read(t, "tests/deploy/build_test.go"), `"make", "static"`)
			assert.Contains(t, read(t, ".ci/run"), " deploy/test ")
		default:
			out := runIn(t, root, "sh", "-ec", strings.ReplaceAll(command, "http://"+port, url))
			if strings.HasSuffix(command, "/metrics") {
				contracttest.Validate(t, out)
			}
		}
	}
	assert.Subset(t, ran, []string{demo, "curl -s http://" + port + "/metrics", "go test ./...", "make static"})
}

// startDemo runs a command as in a terminal until it serves, and presses Ctrl-C
// when the test ends. It returns the address.
func startDemo(t *testing.T, root, command string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl, with which README asks the demo (Debian: apt-get install curl)")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, "sh", "-ec", command)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "ORCH_LISTEN=127.0.0.1:0", "GOFLAGS=-ldflags=-w", "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches all that a terminal started
	interrupt := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.Cancel = interrupt
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	t.Cleanup(func() {
		_ = interrupt()
		for lines.Scan() { // until it has ended
		}
		_ = cmd.Wait()
		cancel()
	})
	require.True(t, lines.Scan(), "the demo did not serve")
	address := regexp.MustCompile(`^(http://127\.0\.0\.1:[0-9]+)/metrics$`).FindStringSubmatch(lines.Text())
	require.NotNil(t, address, lines.Text())
	return address[1]
}
