package workerstate_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// writerEnv makes the test's own program the worker that writes a state file.
const writerEnv = "WORKERSTATE_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		writeStates(path)
		return
	}
	goleak.VerifyTestMain(m)
}
