package perf

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// runWriter is an orchestrator that does as it is told.
func runWriter(args []string) error {
	o, err := newOrchestrator(args[0])
	if err != nil {
		return err
	}
	defer o.close()
	orders := make(chan string)
	go func() {
		defer close(orders)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			orders <- lines.Text()
		}
	}()
	fmt.Println("ready")
	ticks := time.NewTicker(time.Hour)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			err = o.step()
		case order, more := <-orders:
			if !more {
				return o.close()
			}
			err = obey(o, ticks, strings.Fields(order))
		}
		if err != nil {
			return err
		}
	}
}

// obey carries out one order: to "step" once, to commit at a "pace" (how many a
// second), or to "run" as fast as it can for some time. The answer is how many
// commits there were so far.
func obey(o *orchestrator, ticks *time.Ticker, order []string) (err error) {
	switch order[0] {
	case "step":
		err = o.step()
	case "pace":
		pace, _ := strconv.Atoi(order[1])
		ticks.Reset(time.Hour)
		if pace > 0 {
			ticks.Reset(time.Second / time.Duration(pace))
		}
	case "run":
		long, _ := time.ParseDuration(order[1])
		for began := time.Now(); err == nil && time.Since(began) < long; {
			err = o.step()
		}
	}
	fmt.Println(o.steps)
	return err
}
