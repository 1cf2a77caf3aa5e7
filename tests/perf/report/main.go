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
	short := flag.Bool("short", false, "about a minute in all, up to 1,000,000 rows")
	document := flag.String("write", "", "write the report to this file, too")
	flag.Parse()
	p := full
	if *short {
		p = brief
	}
	if err := run(p, *document); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(p plan, document string) (err error) {
	histories, err := perf.Cached()
	if err != nil {
		return err
	}
	l, err := newLab(p, histories, progress)
	if err != nil {
		return err
	}
	defer l.close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	go func() {
		if _, more := <-interrupted; more {
			l.close() // the databases are large
			os.Exit(1)
		}
	}()
	at := thisMachine() // its load is that of others yet
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

var began = time.Now()

// progress tells a person that something happens.
func progress(what string) {
	fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(began).Seconds(), what)
}
