// Command report measures the service from outside, as one process among others,
// and prints what it must reach and what it does. See docs/performance.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

func main() {
	if perf.RunRole() {
		return
	}
	short := flag.Bool("short", false, "five minutes in all, up to 1,000,000 rows")
	document := flag.String("write", "", "write the report to this file, too")
	only := flag.String("only", "", "take the measures whose name contains this, such as unchanged; the others are left out")
	flag.Parse()
	p := full
	if *short {
		p = brief
	}
	p.Only = *only
	if err := run(p, *document); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(p plan, document string) error {
	histories, err := perf.Cached()
	if err != nil {
		return err
	}
	at := thisMachine() // its load is that of others yet
	l := newLab(p, histories, progress)
	defer closeAlso(l)()
	if err := l.open(); err != nil {
		return err
	}
	rows, err := l.measure()
	if err != nil {
		return err
	}
	table(os.Stdout, rows)
	if document == "" {
		return nil
	}
	return write(document, p, at, rows)
}

// closeAlso closes the lab when it is called, and when somebody interrupts it:
// the databases are large.
func closeAlso(l *lab) func() error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		_ = l.close()
		os.Exit(1)
	}()
	return func() error {
		signal.Stop(interrupted)
		return l.close()
	}
}

var began = time.Now()

// progress tells a person that something happens.
func progress(what string) {
	fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(began).Seconds(), what)
}
