package tests

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/internal/demo"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// update makes the golden tests rewrite their files: go test ./tests -run Golden -update.
var update = flag.Bool("update", false, "rewrite the golden files")

// long tells whether tests may take minutes, as in `make chaos`.
func long() bool { return os.Getenv("ORCHMETRICS_LONG") != "" }

func TestMain(m *testing.M) {
	if demo.RunAgent() { // `api demo` in a test starts this binary as its agents
		return
	}
	if os.Getenv(childEnv) != "" {
		os.Exit(runChild(os.Getenv(childEnv)))
	}
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	if parallel.Value.String() == parallel.DefValue { // most tests wait for programs
		if err := flag.Set(parallel.Name, "4"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		removeProgram()
		postgrestest.Stop()
		os.Exit(status)
	}))
}
