package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/orchmetrics/orchmetrics"
)

// isTerminal tells whether people see what is written there, or write what is read.
func isTerminal(stream any) bool {
	file, is := stream.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// widthOf is how many columns a terminal has; 0 for what is none.
func widthOf(stream any) int {
	file, is := stream.(*os.File)
	if !is || !isTerminal(file) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width < 1 {
		return 80 // what all have that do not say
	}
	return width
}

// coloured tells whether a stream shows colours, and its reader wants them
// (no-color.org).
func coloured(stream any) bool {
	return isTerminal(stream) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// progress tells on one line of a terminal how far something is that takes long. It is
// silent for who does not read it there, and while nothing takes long.
type progress struct {
	to    *orchmetrics.AsyncWriter // nil where there is no terminal
	since time.Time
	shown bool
}

// newProgress tells it on standard error, unless what is printed on standard output
// would stand between.
func newProgress(stdout io.Writer) *progress {
	p := &progress{since: time.Now()}
	if isTerminal(os.Stderr) && !isTerminal(stdout) {
		p.to = orchmetrics.NewAsyncWriter(os.Stderr) // nothing waits for who stops the terminal
	}
	return p
}

func (p *progress) showf(format string, args ...any) {
	if p.to != nil && time.Since(p.since) > time.Second {
		fmt.Fprintf(p.to, "\r\x1b[K"+format, args...)
		p.shown = true
	}
}

// end takes the line away.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.to, "\r\x1b[K")
		p.to.Flush(lastWords)
	}
}
