package chaos

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Defaults of this package for flags that have others: most of its tests wait,
// and its random databases are small. A fuzzer takes the former for its workers.
var defaults = map[string]string{"test.parallel": "8", "rapid.checks": "500"}

func TestMain(m *testing.M) {
	flag.Parse()
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
