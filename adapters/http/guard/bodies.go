package guard

import (
	"net/http"
	"time"
)

// bodyTime is how long a client may take to send the body of a request. Nobody
// reads it, but net/http waits for it before it answers.
const bodyTime = time.Second

// IgnoreBodies does not wait for long for what is not read.
func IgnoreBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // without a connection there is nothing to wait for
		}
		next.ServeHTTP(w, r)
	})
}
