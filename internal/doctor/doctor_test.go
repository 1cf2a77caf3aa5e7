package doctor

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestExamine_GivesUp: a check that hangs costs its time and no more.
func TestExamine_GivesUp(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	result := check{"slow", func(context.Context) Result { <-hangs; return ok("too late") }}.examine(t.Context(), 20*time.Millisecond)
	close(hangs)
	assert.Equal(t, Failed, result.Status)
	assert.Equal(t, "slow", result.Check)
	assert.Contains(t, result.Message, "no answer within 20ms")
	assert.GreaterOrEqual(t, result.DurationMS, 20.0)

	told := check{"told", func(ctx context.Context) Result { <-ctx.Done(); return warning("was interrupted", "") }}.
		examine(t.Context(), time.Second)
	assert.Equal(t, "was interrupted", told.Message, "what comes back in time is shown")
}

// TestExamine_WorstDetail: a check is no better than what it looked at.
func TestExamine_WorstDetail(t *testing.T) {
	t.Parallel()
	result := check{"c", func(context.Context) Result {
		r := ok("")
		r.Details = []Detail{{"a", OK, ""}, {"b", Failed, ""}, {"c", Warning, ""}}
		return r
	}}.examine(t.Context(), time.Minute)
	assert.Equal(t, Failed, result.Status)
	for a, rank := range []Status{OK, Warning, Failed} {
		for b, other := range []Status{OK, Warning, Failed} {
			assert.Equal(t, []Status{OK, Warning, Failed}[max(a, b)], worse(rank, other))
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	many := Result{Check: "sections_dir", Status: Failed, Message: "evil\n✓ name", Do: "look", Code: new(domain.CodeTooMany)}
	for range 100 {
		many.Details = append(many.Details, Detail{"\x1b[2J\u202e.json", Warning, "m"}, Detail{"fine", OK, ""})
	}
	var text strings.Builder
	require.NoError(t, Report{Status: Failed, Checks: []Result{many}}.Text(&text, Screen{}))
	assert.Contains(t, text.String(), "✗ sections_dir  evil\uFFFD✓ name (too_many) → look\n    ! \uFFFD[2J\uFFFD.json: m\n")
	assert.Equal(t, 1+maxShown+1+2, strings.Count(text.String(), "\n"), "cut, with a line that says so, and the sum")
	assert.NotContains(t, text.String(), "fine")
	assert.True(t, strings.HasSuffix(text.String(), "\n\n0 ok, 0 with a warning, 1 failed\n"))
}

func TestCompare(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]Status{
		0: OK, time.Second: OK, time.Minute: OK, -time.Minute: OK, 61 * time.Second: Warning, -61 * time.Second: Warning, time.Hour: Warning,
	} {
		status, _ := compare(domain.RunningJob{PID: new(int64(7)), StartedAt: &at},
			&domain.Process{Status: domain.ProcessOK, StartedAt: new(at.Add(after))})
		assert.Equal(t, want, status, after)
	}
	status, message := compare(domain.RunningJob{PID: new(int64(7))}, &domain.Process{Status: domain.ProcessOK, StartedAt: &at})
	assert.Equal(t, OK, status)
	assert.Contains(t, message, "unknown")
	for _, bad := range []domain.ProcessStatus{domain.ProcessGone, domain.ProcessHidden, domain.ProcessZombie} {
		status, message = compare(domain.RunningJob{PID: new(int64(7))}, &domain.Process{Status: bad})
		assert.Equal(t, Warning, status)
		assert.Contains(t, message, string(bad))
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	assert.True(t, holds("1: POSIX  ADVISORY  READ 11893 fe:00:9986758 128 128", 9986758))
	for _, line := range []string{
		"1: POSIX  ADVISORY  READ 11893 fe:00:9986758 128 128 ?", "1: POSIX  ADVISORY  READ 11893 fe:00:998675 128 128",
		"1: POSIX  ADVISORY  READ 11893 fe:00:9986758 124 124", "1: FLOCK  ADVISORY  WRITE 11893 fe:00:9986758 128 128", "", "1:",
		"1: -> POSIX  ADVISORY  READ 11893 fe:00:9986758 128 128", "1: POSIX  ADVISORY  READ 11893 9986758 128 128",
	} {
		assert.False(t, holds(line, 9986758), line)
	}
}

func FuzzHolds(f *testing.F) {
	f.Add("1: POSIX  ADVISORY  READ 11893 fe:00:9986758 128 128", uint64(9986758))
	f.Add("1: POSIX ADVISORY READ 1 :: 128 128", uint64(0))
	f.Fuzz(func(t *testing.T, line string, inode uint64) {
		if holds(line, inode) {
			assert.False(t, holds(line, inode+1), "one inode at most")
		}
	})
}

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 62: "4.0 EiB",
	} {
		assert.Equal(t, want, size(bytes))
	}
}

// TestReport_OnAScreen: folded at words, what to do on a line of its own, and no text
// lost; without a colour it tells the same.
func TestReport_OnAScreen(t *testing.T) {
	t.Parallel()
	report := Report{Status: Failed, Checks: []Result{
		{Check: "database", Status: Failed, Message: strings.Repeat("word ", 30) + "end", Do: "start it " + strings.Repeat("soon ", 20) + "please", Code: new(domain.CodeDBMissing)},
		{Check: "proc", Status: OK, Message: strings.Repeat("W", 200), Details: []Detail{{Subject: "pid 7", Status: Warning, Message: strings.Repeat("gone ", 30)}}},
	}}
	var wide, narrow, colour strings.Builder
	require.NoError(t, report.Text(&wide, Screen{}))
	require.NoError(t, report.Text(&narrow, Screen{Width: 60}))
	require.NoError(t, report.Text(&colour, Screen{Width: 60, Colour: true}))
	for line := range strings.Lines(narrow.String()) {
		assert.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(line, "\n")), 60, line)
	}
	bare := func(text string) string { return strings.Join(strings.Fields(text), "") }
	assert.Equal(t, bare(wide.String()), bare(narrow.String()))
	assert.Contains(t, narrow.String(), "\n                → start it soon")
	assert.Contains(t, colour.String(), "\x1b[1;31m✗\x1b[0m database")
	assert.Equal(t, narrow.String(), ansi.Strip(colour.String()))
}
