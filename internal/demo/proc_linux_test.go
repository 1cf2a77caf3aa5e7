package demo_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is what the tests want to know of one.
type process struct {
	pid, parent int
	state       string
	ticks       int64
	kind        string // what the agent was started as; empty for another process
}

// alive tells a process that runs from one that is not there, or not any more: a
// killed orphan may stay a zombie where nobody waits for it.
func (p process) alive() bool { return p.state != "" && p.state != "Z" && p.state != "X" }

// look reads one process; the zero state says that there is none.
func look(pid int) process {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{pid: pid}
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	p := process{pid: pid, state: fields[0]}
	p.parent, _ = strconv.Atoi(fields[1])
	for _, field := range fields[11:13] { // utime and stime
		n, _ := strconv.ParseInt(field, 10, 64)
		p.ticks += n
	}
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if parts := strings.Split(string(args), "\x00"); len(parts) > 2 && parts[1] == "demo-agent" {
		p.kind = parts[2]
	}
	return p
}

// childrenOf finds the living children of a process.
func childrenOf(t *testing.T, parent int) []process {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var children []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		require.NoError(t, err)
		if p := look(pid); p.parent == parent && p.alive() {
			children = append(children, p)
		}
	}
	return children
}

// family is the agents of a process and the children of those.
func family(t *testing.T, parent int) []process {
	t.Helper()
	var all []process
	for _, p := range childrenOf(t, parent) {
		if p.kind != "" {
			all = append(append(all, p), childrenOf(t, p.pid)...)
		}
	}
	return all
}

// ofKind chooses from the processes.
func ofKind(all []process, kind string) []process {
	var some []process
	for _, p := range all {
		if p.kind == kind {
			some = append(some, p)
		}
	}
	return some
}

// runningPIDs are the processes that the database points at.
func runningPIDs(t *testing.T, db *sql.DB) []int {
	t.Helper()
	rows, err := db.Query(`SELECT pid FROM jobs WHERE status = 'running' AND pid IS NOT NULL ORDER BY id`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var pids []int
	for rows.Next() {
		var pid int
		require.NoError(t, rows.Scan(&pid))
		pids = append(pids, pid)
	}
	require.NoError(t, rows.Err())
	return pids
}
