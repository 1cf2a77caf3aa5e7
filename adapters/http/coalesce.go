package httpapi

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"
)

// There are more different narrowed answers than anybody asks for in earnest, 2 to
// the power of the sections.
const (
	// narrowedInFlight is how many may be asked for at once.
	narrowedInFlight = 256
	// narrowedPatience is how long one waits to be made: longer than one takes whose
	// source hangs.
	narrowedPatience = 3 * time.Second
)

var errOverloaded = errors.New("too many different answers are asked for")

// coalescer lets those who ask the same at the same time share one answer, and
// has one answer made at a time: each takes a few times the memory of what it comes
// to, and two at once take twice as long. An answer is never older than the question.
type coalescer struct {
	group    singleflight.Group
	turn     chan struct{} // to make an answer
	asking   atomic.Int64  // how many wait
	most     int64         // of them; 0 is any number
	patience time.Duration // for the turn; 0 is for as long as it takes
}

func newCoalescer(most int64, patience time.Duration) *coalescer {
	return &coalescer{turn: make(chan struct{}, 1), most: most, patience: patience}
}

// do returns what produce returns, for this call or for one that asked the same
// before that began. It returns errOverloaded if too many ask, or if there is no
// turn in time.
func (c *coalescer) do(key string, produce func() (any, error)) (any, error) {
	defer c.asking.Add(-1)
	if asking := c.asking.Add(1); c.most > 0 && asking > c.most {
		return nil, errOverloaded
	}
	value, err, _ := c.group.Do(key, func() (any, error) {
		if !c.takeTurn() {
			return nil, errOverloaded
		}
		defer func() { <-c.turn }()
		c.group.Forget(key) // who asks from now on is told what is so from now on
		return produce()
	})
	return value, err
}

func (c *coalescer) takeTurn() bool {
	if c.patience == 0 {
		c.turn <- struct{}{}
		return true
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case c.turn <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func overloaded(c *gin.Context, message string) {
	c.Header("Retry-After", "1")
	refuse(c, http.StatusServiceUnavailable, "overloaded", message+"; try again in a second")
}
