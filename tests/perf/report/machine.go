package main

import (
	"database/sql"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine is what the figures depend on.
type machine struct {
	CPU, Kernel, Memory, Go, SQLite, Load string
	Cores                                 int
}

func thisMachine() machine {
	return machine{
		CPU:    field("/proc/cpuinfo", "model name"),
		Cores:  runtime.NumCPU(),
		Kernel: runtime.GOOS + " " + content("/proc/sys/kernel/osrelease") + ", " + runtime.GOARCH,
		Memory: gib(field("/proc/meminfo", "MemTotal")),
		Go:     strings.TrimPrefix(runtime.Version(), "go"),
		SQLite: sqliteVersion(),
		Load:   load(),
	}
}

// load is how many processes wanted to run in the last minute, 5 and 15 minutes.
func load() string {
	numbers := strings.Fields(content("/proc/loadavg"))
	return strings.Join(numbers[:min(3, len(numbers))], ", ")
}

// sqliteVersion asks the library that the service is built with, too.
func sqliteVersion() string {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		return "unknown"
	}
	defer db.Close()
	version := "unknown"
	_ = db.QueryRow("SELECT sqlite_version()").Scan(&version)
	return version
}

// content is a small file of the kernel, without its line's end.
func content(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// field is the first value of a name in a file of "name: value" lines.
func field(path, name string) string {
	for line := range strings.Lines(content(path)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func gib(kib string) string {
	var n int64
	if _, err := fmt.Sscanf(kib, "%d kB", &n); err != nil {
		return kib
	}
	return fmt.Sprintf("%.0f GiB", float64(n)/(1<<20))
}
