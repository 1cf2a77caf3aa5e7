package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Whoever may write the directory of sections chooses names as they like, and ever
// new ones. They fill neither memory nor log, and what a core section is like is
// told all the same.
func TestStatusLog_EverNewNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const scrapes, names = 2000, 64
		var lines strings.Builder
		l := newStatusLog(slog.New(slog.NewJSONHandler(&lines, nil)))
		core := outcome{key: domain.KeyStages}
		core.fail(domain.CodeDBMissing)
		for scrape := range scrapes {
			present := map[string]domain.SectionReport{domain.KeyStages: {}}
			var outcomes []outcome
			if scrape == scrapes/2 {
				outcomes = append(outcomes, core)
			}
			for i := range names {
				refused := outcome{key: fmt.Sprintf("?%d-%d", scrape, i)}
				refused.fail(domain.CodeKeyRefused)
				present[refused.key] = refused.report
				outcomes = append(outcomes, refused)
			}
			l.note(outcomes, present, true)
			require.LessOrEqual(t, len(l.known), maxRemembered+names)
			time.Sleep(100 * time.Millisecond)
		}
		told, counted, stages := 0, 0, 0
		for line := range strings.Lines(lines.String()) {
			var entry struct {
				Section    string
				Suppressed int
			}
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			told++
			counted += entry.Suppressed
			if entry.Section == domain.KeyStages {
				stages++
			}
		}
		assert.InDelta(t, allBurst+scrapes/10, told, 2)
		for _, its := range l.known {
			counted += its.changes // that are yet to be told
		}
		assert.Equal(t, scrapes*names+1, told+counted+l.lost, "each is told or counted")
		assert.Equal(t, 1, stages)
	})
}
