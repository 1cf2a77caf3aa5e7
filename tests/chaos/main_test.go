package chaos

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// often is how often something is tried: more often in `make chaos`, which takes the
// time for it.
func often(short, long int) int {
	if os.Getenv("ORCHMETRICS_LONG") != "" {
		return long
	}
	return short
}

// unlessLong runs a test beside others, but for `make chaos`: there it has the machine for
// itself, since what it measures is reported.
func unlessLong(t *testing.T) {
	t.Helper()
	if often(1, 0) == 1 {
		t.Parallel()
	}
}

// lasting is how long something lasts that lasts so long in `make chaos`.
func lasting(long time.Duration) time.Duration {
	return long / time.Duration(often(3, 1))
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests of this package wait, and its random databases are small. A fuzzer takes
	// the former for its workers.
	defaults := map[string]string{"test.parallel": "8", "rapid.checks": strconv.Itoa(often(100, 500))}
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range defaults {
		if !given[name] && !given["test.fuzz"] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		removeProgram()
		printTable(os.Stdout)
		os.Exit(status)
	}))
}
