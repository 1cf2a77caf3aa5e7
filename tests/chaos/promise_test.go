package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// promise is one line of the table: what the README promises, and how many cases
// of it were tried and held.
type promise struct {
	text string

	mu      sync.Mutex
	tried   int
	held    int
	skipped map[string]int // by the reason
	figures []string
}

var (
	harmless = &promise{text: "no file is created, changed or removed; the writer goes on"}
	syscalls = &promise{text: "no system call writes beside the database"}
	nowhere  = &promise{text: "no file is created, opened for writing or removed anywhere"}
	alone    = &promise{text: "the orchestrator stops as if it were alone"}
	bounded  = &promise{text: "the write-ahead log does not grow because of us"}
	answered = &promise{text: "every answer is 200, valid JSON, in time; the data is back"}
	tolerant = &promise{text: "a drifted schema costs no more than what drifted"}
	large    = &promise{text: "10,000 running jobs and 100,000 active tasks are answered"}
	discreet = &promise{text: "no path, SQL, driver text or secret in an answer or a log"}
	guarded  = &promise{text: "what asked for TLS and a password goes on asking"}
	anyCell  = &promise{text: "no cell breaks an answer"}
	unheard  = &promise{text: "a log that nobody takes harms no answer; it is bounded"}
	modest   = &promise{text: "hostile clients and files: 300 MB at most, others are served"}

	promises = []*promise{
		harmless, syscalls, nowhere, alone, bounded, answered, tolerant, large, discreet, guarded, anyCell, unheard, modest,
	}
)

// try runs one case of the promise as a subtest of its own.
func (p *promise) try(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Cleanup(func() { p.count(t) }) // the last to run
		test(t)
	})
}

func (p *promise) count(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.Skipped() {
		return // skip counted it
	}
	p.tried++
	if !t.Failed() {
		p.held++
	}
}

// skip ends a case that cannot be tried here. The table says so.
func (p *promise) skip(t *testing.T, reason string) {
	t.Helper()
	p.mu.Lock()
	if p.skipped == nil {
		p.skipped = map[string]int{}
	}
	p.skipped[reason]++
	p.mu.Unlock()
	t.Skip(reason)
}

// measuredf adds a figure to the table's notes.
func (p *promise) measuredf(t *testing.T, format string, args ...any) {
	t.Helper()
	figure := fmt.Sprintf(format, args...)
	t.Log(figure)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.figures = append(p.figures, figure)
}

// printTable prints what was tried. The lines have the form that `make chaos`
// gives to those of the other suites.
func printTable(out io.Writer) {
	const line = "%-62s | %11v | %11v\n"
	if !slices.ContainsFunc(promises, func(p *promise) bool { return p.tried+len(p.skipped) > 0 }) {
		return
	}
	fmt.Fprintf(out, "\n"+line, "promise", "cases tried", "held")
	fmt.Fprintf(out, line, strings.Repeat("-", 62), strings.Repeat("-", 11), strings.Repeat("-", 11))
	var notes []string
	for _, p := range promises {
		if p.tried > 0 {
			fmt.Fprintf(out, line, p.text, p.tried, p.held)
		}
		for reason, n := range p.skipped {
			notes = append(notes, fmt.Sprintf("%s: %d cases skipped: %s", p.text, n, reason))
		}
		for _, figure := range p.figures {
			notes = append(notes, p.text+": "+figure)
		}
	}
	for _, note := range notes {
		fmt.Fprintln(out, "note: "+note)
	}
}
