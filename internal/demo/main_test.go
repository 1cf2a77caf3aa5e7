package demo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/internal/demo"
)

// childVariable makes the test binary a demo of its own, in the directory that
// it names: something to kill. Its agents may be of another program.
const (
	childVariable  = "ORCH_DEMO_TEST_CHILD"
	agentsVariable = "ORCH_DEMO_TEST_AGENTS"
)

func TestMain(m *testing.M) {
	if demo.RunAgent() {
		return
	}
	if dir := os.Getenv(childVariable); dir != "" {
		if err := runChildDemo(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	hurryAgents()
	goleak.VerifyTestMain(m)
}

// hurryAgents takes away the second that a process built with -race sleeps at
// its exit.
func hurryAgents() {
	_ = os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
}

// runChildDemo says where it is once it is up, and then goes on until killed.
func runChildDemo(dir string) error {
	o, err := demo.Start(context.Background(), demo.Options{Dir: dir, Tick: time.Second, Executable: os.Getenv(agentsVariable)})
	if err != nil {
		return err
	}
	defer func() { _ = o.Stop() }()
	if err := json.NewEncoder(os.Stdout).Encode(o.DB()); err != nil {
		return err
	}
	time.Sleep(time.Minute)
	return nil
}
