package replay

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Options say how a recording is played.
type Options struct {
	// ByTime plays each step when it is due, counted from the first scrape. Else
	// each scrape is the next step.
	ByTime bool
	// Loop begins again after the last step, which else stays.
	Loop bool
}

// Player answers what was recorded, and beside it what live sections have. Each
// answer is a step of the recording. It is safe for concurrent use.
type Player struct {
	ports.Snapshotter // the live one, which knows all keys

	recording *Recording
	opts      Options
	disabled  []string

	mu    sync.Mutex
	next  int       // the step of the next scrape, by request
	began time.Time // when the first scrape was
}

// NewPlayer returns a player of the recording, from its first step. live answers with the
// sections beside it, for the instant of the step (ports.InstantOf), and with the
// instance; its keys are those of all sections. disabled are the keys of recorded sections
// that are not shown.
func NewPlayer(recording *Recording, live ports.Snapshotter, opts Options, disabled []string) *Player {
	return &Player{Snapshotter: live, recording: recording, opts: opts, disabled: disabled}
}

// Snapshot implements ports.Snapshotter. While the recorded service was switched
// off it refused no key; a key that is refused now costs no step.
func (p *Player) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	step, err := p.take(keys)
	if err != nil {
		return domain.Envelope{}, err //nolint:wrapcheck // names the unknown section and the known ones
	}
	if step.Disabled {
		return domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}, nil
	}
	live, err := p.Snapshotter.Snapshot(ports.WithInstant(ctx, step.Clock), keys...)
	if err != nil {
		return domain.Envelope{}, err //nolint:wrapcheck // as above
	}
	envelope := p.narrowed(step, keys)
	envelope.Instance = live.Instance
	envelope.Extensions = append(envelope.Extensions, live.Extensions...)
	maps.Copy(envelope.Sections, live.Sections)
	return envelope, nil
}

// take returns the step of a scrape, which is then over.
func (p *Player) take(keys []string) (domain.Envelope, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := p.recording.answers[p.present()]
	if !step.Disabled {
		if err := ports.CheckKeys(keys, p.recording.keys, p.Keys); err != nil {
			return step, err
		}
	}
	if p.began.IsZero() {
		p.began = time.Now()
	}
	switch {
	case p.next+1 < len(p.recording.answers):
		p.next++
	case p.opts.Loop:
		p.next = 0
	}
	return step, nil
}

// present is the number of the step that a scrape would take now.
func (p *Player) present() int {
	if !p.opts.ByTime {
		return p.next
	}
	elapsed := 0.0
	if !p.began.IsZero() {
		elapsed = float64(time.Since(p.began).Milliseconds())
	}
	if p.opts.Loop {
		elapsed = math.Mod(elapsed, p.recording.round)
	}
	due := p.recording.due
	return sort.Search(len(due), func(i int) bool { return due[i] > elapsed }) - 1
}

// narrowed returns what a step has of the keys, and without keys all that it has. The
// step itself stays as it is.
func (p *Player) narrowed(step domain.Envelope, keys []string) domain.Envelope {
	reports, extensions := step.Sections, step.Extensions
	step.Sections, step.Extensions = map[string]domain.SectionReport{}, nil
	for key, report := range reports {
		if len(keys) > 0 && !slices.Contains(keys, key) {
			continue
		}
		if slices.Contains(p.disabled, key) {
			report = domain.SectionReport{Status: domain.StatusDisabled}
			if domain.Core(key) {
				_ = step.Set(key, nil) // which a core section may always be
			}
		}
		step.Sections[key] = report
	}
	for _, extension := range extensions {
		if slices.Contains(p.disabled, extension.Key) {
			extension.Value = json.RawMessage("null")
		}
		if _, wanted := step.Sections[extension.Key]; wanted {
			step.Extensions = append(step.Extensions, extension)
		}
	}
	for _, key := range p.recording.keys {
		if _, has := step.Sections[key]; !has && slices.Contains(keys, key) {
			step.Extensions = append(step.Extensions, domain.Extension{Key: key, Value: json.RawMessage("null")})
			step.Sections[key] = notRecorded()
		}
	}
	return step
}
