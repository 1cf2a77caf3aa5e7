package portstest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder is a test that may fail without the test around it failing.
type recorder struct {
	testing.TB

	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// FailNow ends the check.
func (r *recorder) FailNow() { runtime.Goexit() }

// patience is enough for a check that is going to fail.
func (r *recorder) patience() time.Duration { return 200 * time.Millisecond }

// failed runs a check and tells whether it fails.
func failed[A any](t *testing.T, c check[A], open func(testing.TB, Data) A) bool {
	t.Helper()
	r := &recorder{TB: t}
	within(r, c, open)
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.errors) > 0
}

// fault is an adapter that breaks one promise, and the check that must catch it.
type fault[A any] struct {
	name  string
	open  func(testing.TB, Data) A
	check string
}

// requireCaught expects each fault to be caught. Other checks are not run: some
// faults are data races there.
func requireCaught[A any](t *testing.T, checks []check[A], faults []fault[A]) {
	t.Helper()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel() // some of them take their time to block
			at := slices.IndexFunc(checks, func(c check[A]) bool { return c.name == f.check })
			require.NotEqual(t, -1, at, "no such check")
			assert.True(t, failed(t, checks[at], f.open), "it passes")
		})
	}
}
