package main

import (
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

// writer compares how fast an orchestrator can commit while it is polled and
// while it is not.
func (l *lab) writer() []row {
	w := l.world(perf.Of(l.plan.Rows), true)
	service := l.service(w)
	var polled, alone []float64
	for i := range 4 * l.plan.Rounds { // shorter turns, as a disk has its moods
		turns := []func(){
			func() { alone = append(alone, get(w.Run(l.plan.Window/4))) },
			func() { polled = append(polled, besidePolls(service, w, l.plan.Window/4)) },
		}
		turns[i%2]()
		turns[1-i%2]()
	}
	service.stop()
	return []row{atLeast("a writer's throughput while polled 10 times a second, against unpolled", 97, 100*ratio(median(polled), median(alone)), " %",
		fmt.Sprintf("%s commits/s against %s; %d turns each", digits(median(polled)), digits(median(alone)), len(alone)))}
}

func besidePolls(t *target, w *perf.World, long time.Duration) float64 {
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		ticks := time.NewTicker(time.Second / 10)
		defer ticks.Stop()
		for {
			if _, err := t.client.Poll(); t.lab.note(err) != nil {
				stopped <- err
				return
			}
			select {
			case <-stop:
				stopped <- nil
				return
			case <-ticks.C:
			}
		}
	}()
	reached := get(w.Run(long))
	close(stop)
	must(<-stopped)
	return reached
}
