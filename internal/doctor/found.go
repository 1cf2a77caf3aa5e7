package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
)

// glance is how long Found looks at most: what hangs must not keep a service from
// its start.
const glance = 2 * time.Second

// Found says in a few words of each source what is there now, for the log of a
// service that starts: facts, no judgement. It looks at all of them at once, reads
// as a scrape does, and gives up what does not answer within two seconds or by the
// end of the context. It shows no value that may be a secret.
func Found(ctx context.Context, cfg orchmetrics.Config) []slog.Attr {
	d := &doctor{cfg: cfg, in: Inputs{Now: time.Now()}}
	defer d.openStore()() // what is wrong with it, the look tells
	looks := []struct {
		source   string
		set      bool
		sections []string // that read it; nil for those that it brings itself
		look     func(context.Context) string
	}{
		{"database", true, []string{"stages", "queue", "agents", "cost"}, func(ctx context.Context) string { return d.database(ctx).Message }},
		{"worker_state", cfg.WorkerStateFile != "", []string{"queue"}, func(ctx context.Context) string { return d.workerState(ctx).Message }},
		{"proc", true, []string{"agents"}, d.sight},
		{"sections_dir", cfg.SectionsDir != "", nil, d.files},
	}
	found := make([]slog.Attr, len(looks))
	var group sync.WaitGroup
	for i, l := range looks {
		group.Go(func() {
			text := "unset"
			switch {
			case l.sections != nil && !slices.ContainsFunc(l.sections, func(key string) bool { return !slices.Contains(cfg.SectionsDisabled, key) }):
				text = "not asked: ORCH_SECTIONS_DISABLED"
			case l.set:
				text = within(ctx, glance, l.look)
			}
			found[i] = slog.String(l.source, text)
		})
	}
	group.Wait()
	return found
}

// within looks for so long, and leaves behind what hangs.
func within(ctx context.Context, patience time.Duration, look func(context.Context) string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen := make(chan string, 1)
	go func() { seen <- look(ctx) }()
	select {
	case text := <-seen:
		return text
	case <-ctx.Done():
		return fmt.Sprintf("no answer within %s", patience)
	}
}

// sight says whose processes can be seen.
func (d *doctor) sight(ctx context.Context) string {
	blind, err := blindTo(ctx, procfs.New(d.cfg.ProcRoot))
	if err != nil {
		return d.cfg.ProcRoot + " is no proc file system, or may not be read"
	}
	return d.cfg.ProcRoot + " " + sight(d.cfg.ProcRoot, blind)
}

// files says how many drop-in files there are.
func (d *doctor) files(ctx context.Context) string {
	listed, err := dropin.New(d.cfg.SectionsDir).Sections(ctx)
	if err != nil && len(listed) == 0 {
		return d.cfg.SectionsDir + ": " + osReason(err)
	}
	return fmt.Sprintf("%s: %d files", d.cfg.SectionsDir, len(listed))
}
