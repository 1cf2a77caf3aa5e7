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
	var shares, polled, alone []float64
	for range 5 {
		beside, without := l.commitRates(service, w)
		polled, alone = append(polled, beside), append(alone, without)
		shares = append(shares, 100*ratio(beside, without))
	}
	service.stop()
	return []row{atLeast("a writer's throughput while polled 10 times a second, against unpolled, median of 5 runs", 95, median(shares), " %",
		fmt.Sprintf("%s to %s %%; %s commits/s against %s", digits(quantile(shares, 0)), digits(quantile(shares, 1)),
			digits(median(polled)), digits(median(alone))))}
}

// commitRates are the commits a second beside polls and without, in short turns, as
// a disk has its moods.
func (l *lab) commitRates(t *target, w *perf.World) (beside, without float64) {
	var polled, alone []float64
	for i := range l.plan.Rounds {
		turns := []func(){
			func() { alone = append(alone, get(w.Run(l.plan.Window/4))) },
			func() { polled = append(polled, besidePolls(t, w, l.plan.Window/4)) },
		}
		turns[i%2]()
		turns[1-i%2]()
	}
	return median(polled), median(alone)
}

func besidePolls(t *target, w *perf.World, long time.Duration) float64 {
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- pollUntil(t, time.Second/10, stop) }()
	reached := get(w.Run(long))
	close(stop)
	must(<-stopped)
	return reached
}

// pollUntil polls at a pace until it is told to stop.
func pollUntil(t *target, pace time.Duration, stop <-chan struct{}) error {
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	for {
		_, err := t.client.Poll()
		if err = t.lab.note(err); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-ticks.C:
		}
	}
}
