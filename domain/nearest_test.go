package domain

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	sections := []string{"stages", "queue", "agents", "cost", "gpu"}
	settings := []string{"LISTEN", "DB", "EXACT", "MAX_ROWS", "SECTIONS_DIR", "SECTIONS_DISABLED", "WORKER_STATE_FILE"}
	for word, want := range map[string]string{
		"stage": "stages", "Queue": "queue", "quuee": "queue", "agnets": "agents", "costs": "cost", "gpus": "gpu",
		"cpus": "", "": "", "everything": "", "g": "", "disk": "",
	} {
		assert.Equal(t, want, Nearest(word, sections), word)
	}
	for word, want := range map[string]string{
		"LISTN": "LISTEN", "LITSEN": "LISTEN", "WORKER_STATE": "WORKER_STATE_FILE", "MAXROWS": "MAX_ROWS",
		"SECTIONS": "", "SECTION_DIR": "SECTIONS_DIR", "DATABASE": "", "D": "",
	} {
		assert.Equal(t, want, Nearest(word, settings), word)
	}
	assert.Empty(t, Nearest("stages", nil))
	assert.Empty(t, Nearest(string(make([]byte, maxMeant+1)), sections))
}

// TestNearest_OneMistake: one slip of the finger never hides a word that no
// other resembles.
func TestNearest_OneMistake(t *testing.T) {
	t.Parallel()
	known := []string{"stages", "queue", "agents", "metrics_enabled", "worker_state_file"}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom(known).Draw(t, "word")
		at := rapid.IntRange(0, len(word)-1).Draw(t, "at")
		letter := rapid.ByteRange('a', 'z').Draw(t, "letter")
		slip := []byte(word)
		switch rapid.IntRange(0, 3).Draw(t, "slip") {
		case 0:
			slip = slices.Insert(slip, at, letter)
		case 1:
			slip = slices.Delete(slip, at, at+1)
		case 2:
			slip[at] = letter
		case 3:
			next := min(at+1, len(slip)-1)
			slip[at], slip[next] = slip[next], slip[at]
		}
		assert.Equal(t, word, Nearest(string(slip), known), "%s", slip)
	})
}

// FuzzTypingErrors: the same both ways, none only for the same word, and never
// more than the longer word has letters.
func FuzzTypingErrors(f *testing.F) {
	f.Add("stages", "stage")
	f.Add("", "ü")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > maxMeant || len(b) > maxMeant {
			t.Skip("longer than what is compared")
		}
		n := typingErrors(a, b)
		assert.Equal(t, n, typingErrors(b, a))
		assert.Equal(t, a == b, n == 0)
		assert.LessOrEqual(t, n, max(len(a), len(b)))
		assert.GreaterOrEqual(t, n, max(len(a)-len(b), len(b)-len(a)))
	})
}
