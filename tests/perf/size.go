package perf

import "strconv"

// Size says how large a database is. What is active does not grow with it.
type Size struct {
	// Rows is the number of jobs, and of runs; there are a quarter as many tasks.
	Rows int64
	// ActiveTasks is how many tasks are not finished.
	ActiveTasks int64
	// Seed makes the history another one.
	Seed int64
}

// What is active besides the tasks, whatever the size.
const (
	runningJobs = 16
	queuedJobs  = 50
	activeTasks = 200
)

// Of returns the size of so many rows, with the usual 200 active tasks.
func Of(rows int64) Size { return Size{Rows: rows, ActiveTasks: activeTasks, Seed: 1} }

// The rows that have ended, and are the same for every use of a size.
func (s Size) oldJobs() int64  { return max(s.Rows-runningJobs-queuedJobs, 0) }
func (s Size) oldRuns() int64  { return max(s.Rows-runningJobs, 0) }
func (s Size) oldTasks() int64 { return max(s.Rows/4-s.ActiveTasks, 0) }

// Words writes a number the way people read it: 1,000,000.
func Words(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
