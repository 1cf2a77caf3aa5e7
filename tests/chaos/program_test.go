package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// buildOnce builds the program once for all tests of this package.
var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "orchmetrics-chaos-")
	if err != nil {
		return "", err
	}
	built = dir
	if err := os.Chmod(dir, 0o755); err != nil { // other users run it too
		return "", err
	}
	path := filepath.Join(dir, "api")
	cmd := exec.Command("go", "build", "-ldflags=-w", "-o", path, "../../cmd/api")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

// built is the directory of the built program; empty if no test needed it.
var built string

func removeProgram() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}
