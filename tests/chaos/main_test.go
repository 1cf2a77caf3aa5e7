package chaos

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// atOnce is how many tests run in parallel at least: most of them wait.
const atOnce = 8

func TestMain(m *testing.M) {
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); runtime.GOMAXPROCS(0) < atOnce && parallel.Value.String() == parallel.DefValue {
		if err := parallel.Value.Set(strconv.Itoa(atOnce)); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		removeProgram()
		printTable(os.Stdout)
		os.Exit(status)
	}))
}
