package guard

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxOutgoing is how many bytes of answers may be on their way to clients.
	maxOutgoing = 32 << 20
	// portion is how much of an answer is written at once.
	portion = 64 << 10
	// portionTime is how long a client may take for one portion: one that takes
	// less than 13 KB a second is given up.
	portionTime = 5 * time.Second
)

// Outgoing bounds the memory of the answers that clients have not read yet. An
// answer that many share counts once. When they are too many bytes, the one that
// has not moved for the longest is dropped: who reads is not kept from an answer
// by those who do not.
type Outgoing struct {
	most int

	mu      sync.Mutex
	bytes   int
	answers map[*byte]*sending // by where the answer lies
}

// sending is an answer that is on its way.
type sending struct {
	body    *byte
	size    int
	moved   time.Time // when a reader was last sent a portion
	dropped bool
	readers map[*http.ResponseController]struct{}
}

// NewOutgoing returns one that lets 32 MiB be on their way.
func NewOutgoing() *Outgoing { return &Outgoing{most: maxOutgoing, answers: map[*byte]*sending{}} }

// Send writes an answer for as long as its reader takes it. The server closes the
// connection of one that was not sent to the end.
func (o *Outgoing) Send(w http.ResponseWriter, body []byte) {
	if len(body) == 0 {
		return
	}
	reader := http.NewResponseController(w)
	s := o.begin(body, reader)
	defer o.end(s, reader)
	for part := range slices.Chunk(body, portion) {
		o.mu.Lock()
		dropped := s.dropped
		if !dropped {
			s.moved = time.Now()
			_ = reader.SetWriteDeadline(s.moved.Add(portionTime)) // without a connection there is nobody to wait for
		}
		o.mu.Unlock()
		if dropped {
			return
		}
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

func (o *Outgoing) begin(body []byte, reader *http.ResponseController) *sending {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, shared := o.answers[&body[0]]
	if !shared {
		s = &sending{body: &body[0], size: cap(body), moved: time.Now(), readers: map[*http.ResponseController]struct{}{}}
		for o.bytes+s.size > o.most && len(o.answers) > 0 {
			o.drop()
		}
		o.answers[s.body] = s
		o.bytes += s.size
	}
	s.readers[reader] = struct{}{}
	return s
}

// drop ends the answer that has not moved for the longest: writes to its readers
// fail at once.
func (o *Outgoing) drop() {
	var slowest *sending
	for _, s := range o.answers {
		if slowest == nil || s.moved.Before(slowest.moved) {
			slowest = s
		}
	}
	slowest.dropped = true
	for reader := range slowest.readers {
		_ = reader.SetWriteDeadline(time.Now())
	}
	delete(o.answers, slowest.body)
	o.bytes -= slowest.size
}

func (o *Outgoing) end(s *sending, reader *http.ResponseController) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(s.readers, reader)
	if len(s.readers) == 0 && !s.dropped {
		delete(o.answers, s.body)
		o.bytes -= s.size
	}
}
