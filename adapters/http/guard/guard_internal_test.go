package guard

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// guarding is a guard around what stands for the toolkit: it finds "right" right.
// Its file has passwords.
func guarding(t *testing.T, toolkit func(w http.ResponseWriter, r *http.Request, inside http.Handler)) (file string, handler http.Handler) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(file, []byte("basic_auth_users: {reader: "+string(hash)+"}\n"), 0o600))
	config, err := ReadWebConfig(file)
	require.NoError(t, err)
	g := &guard{config: config, tries: newTries(), log: silent()}
	inside := g.inside(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret figures") }))
	return file, g.outside(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { toolkit(w, r, inside) }))
}

func askWith(handler http.Handler, password string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	if password != "" {
		request.SetBasicAuth("reader", password)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

// The toolkit reads the file itself. If it reads it while it is written, and so
// finds no passwords in it, nobody gets in by that.
func TestFileThatChangesBetweenTwoLooks(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"emptied": func(file string) error { return os.Truncate(file, 0) },
		"emptied and written again": func(file string) error {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := os.WriteFile(file+".new", content, 0o600); err != nil {
				return err
			}
			return os.Rename(file+".new", file)
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			var file string
			var handler http.Handler
			file, handler = guarding(t, func(w http.ResponseWriter, r *http.Request, inside http.Handler) {
				require.NoError(t, change(file))
				inside.ServeHTTP(w, r) // as it does without passwords
			})
			recorder := askWith(handler, "")
			assert.Equal(t, http.StatusInternalServerError, recorder.Code)
			assert.NotContains(t, recorder.Body.String(), "secret figures")
		})
	}
}

// compare stands for the toolkit: it takes its time for what it does not know.
func compare(tried *atomic.Int64) func(w http.ResponseWriter, r *http.Request, inside http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, inside http.Handler) {
		_, password, _ := r.BasicAuth()
		if password == "right" {
			inside.ServeHTTP(w, r)
			return
		}
		tried.Add(1)
		time.Sleep(70 * time.Millisecond) // about what bcrypt takes
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// However many guess, few guesses are compared, and who is known gets in at once.
func TestFloodOfWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried, refused, unauthorized atomic.Int64
		_, handler := guarding(t, compare(&tried))
		require.Equal(t, http.StatusOK, askWith(handler, "right").Code)
		for range 1000 {
			go func() {
				switch recorder := askWith(handler, "wrong"); recorder.Code {
				case http.StatusUnauthorized:
					unauthorized.Add(1)
				case http.StatusServiceUnavailable:
					assert.Equal(t, "1", recorder.Header().Get("Retry-After"))
					assert.Contains(t, recorder.Body.String(), `"code":"overloaded"`)
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		assert.EqualValues(t, 1, tried.Load(), "one at a time")
		began := time.Now()
		assert.Equal(t, http.StatusOK, askWith(handler, "right").Code)
		assert.Zero(t, time.Since(began), "it does not wait")

		time.Sleep(time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 1000, refused.Load()+unauthorized.Load(), "all are answered")
		assert.InDelta(t, turnPatience/(failurePause+70*time.Millisecond), tried.Load(), 2)
		assert.Equal(t, http.StatusUnauthorized, askWith(handler, "wrong").Code, "the turn is free again")
		assert.Equal(t, http.StatusUnauthorized, askWith(handler, "").Code, "without a password there is nothing to wait for")
	})
}

// A client that went away leaves its place in the queue.
func TestTurnOfWhoWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := newTries()
		waiting.turn <- struct{}{}
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		request.SetBasicAuth("reader", "wrong")
		began := time.Now()
		_, ok := waiting.begin(request)
		assert.False(t, ok)
		assert.Equal(t, time.Millisecond, time.Since(began))
	})
}

// What is remembered of right passwords is bounded, and forgotten once wrong.
func TestKnownCredentials(t *testing.T) {
	known := newTries()
	for i := range 10 * maxKnown {
		known.remember(credentials{byte(i), byte(i >> 8)}, true)
		require.LessOrEqual(t, len(known.known), maxKnown)
	}
	last := credentials{1}
	known.remember(last, true)
	require.True(t, known.knows(last))
	known.remember(last, false)
	require.False(t, known.knows(last))
}

// Nothing that comes by another way is answered.
func TestInsideNeedsTheGate(t *testing.T) {
	g := &guard{log: silent()}
	handler := recovering(g.inside(http.NotFoundHandler()), silent())
	assert.Equal(t, http.StatusInternalServerError, askWith(handler, "").Code)
}
