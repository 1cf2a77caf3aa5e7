// Package chaos holds the suite that proves what the README promises: the real
// program beside real writers of a real database, through everything that can
// happen to the files of an orchestrator. It counts the cases of each promise,
// and prints them as a table at its end.
package chaos
