package perf

import (
	"fmt"
	"os"
)

// roleEnv makes the running binary play a part in a process of its own.
const roleEnv = "ORCHMETRICS_PERF_ROLE"

// RunRole plays the part that this process was started for, and is false if it
// is a process of its own accord. Each main function asks it before anything
// else. A part ends when its standard input does, so that none outlives the
// process that started it.
func RunRole() bool {
	roles := map[string]func(args []string) error{
		"writer":  runWriter,
		"journal": runJournal,
		"naive":   runNaive,
	}
	role, ok := roles[os.Getenv(roleEnv)]
	if !ok {
		return false
	}
	if err := role(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Getenv(roleEnv), err)
		os.Exit(1)
	}
	return true
}
