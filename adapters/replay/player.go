package replay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Player answers what was recorded, and beside it what live sections have. Each
// answer is a step of the recording. It is safe for concurrent use.
type Player struct {
	Live // knows the keys of all sections, and writes the text

	steps    *Steps
	recorded []string // the keys that the recording answers
	settings Settings
	instance domain.Instance
}

// Settings are those of the service that plays.
type Settings struct {
	// Off is the kill switch: nothing is played.
	Off bool
	// Disabled are the keys of recorded sections that are not shown.
	Disabled []string
	// Version is shown in the envelope's instance.
	Version string
}

// Live answers for the sections beside the recording.
type Live interface {
	// Snapshotter answers with the live sections. Its keys are those of all sections,
	// the recorded ones first.
	ports.Snapshotter
	ports.TextWriter
}

var (
	_ ports.Snapshotter = (*Player)(nil)
	_ ports.TextWriter  = (*Player)(nil)
)

// NewPlayer returns a player of the steps.
func NewPlayer(steps *Steps, live Live, settings Settings) *Player {
	return &Player{
		Live:     live,
		steps:    steps,
		recorded: steps.recording.keys,
		settings: settings,
		instance: domain.Instance{ID: rand.Text(), StartedAt: steps.Now().Time(), Version: settings.Version},
	}
}

// Snapshot implements ports.Snapshotter. While the recorded service was switched
// off it refused no key; a key that is refused now costs no step.
func (p *Player) Snapshot(ctx context.Context, keys ...string) (domain.Envelope, error) {
	if p.settings.Off {
		return switchedOff(), nil
	}
	step, err := p.steps.take(func(next domain.Envelope) error {
		if next.Disabled {
			return nil
		}
		return p.check(keys)
	})
	if err != nil {
		return domain.Envelope{}, err
	}
	if step.Disabled {
		return switchedOff(), nil
	}
	envelope := p.narrowed(step, keys)
	isRecorded := func(key string) bool { return slices.Contains(p.recorded, key) }
	ask := slices.DeleteFunc(slices.Clone(keys), isRecorded)
	if len(keys) > 0 && len(ask) == 0 {
		return envelope, nil
	}
	live, err := p.Live.Snapshot(ctx, ask...)
	if err != nil {
		return domain.Envelope{}, err //nolint:wrapcheck // names the unknown section and the known ones
	}
	envelope.Extensions = append(envelope.Extensions, live.Extensions...)
	maps.Copy(envelope.Sections, live.Sections)
	return envelope, nil
}

// switchedOff is the whole answer of a service that is switched off.
func switchedOff() domain.Envelope {
	return domain.Envelope{SchemaVersion: domain.SchemaVersion, Disabled: true}
}

// check tells whether each of the keys is known.
func (p *Player) check(keys []string) error {
	for _, key := range keys {
		if slices.Contains(p.recorded, key) {
			continue
		}
		if known := p.Keys(); !slices.Contains(known, key) {
			return ports.UnknownSection(key, known)
		}
	}
	return nil
}

// narrowed returns what an answer has of the keys; without keys it has all.
func (p *Player) narrowed(answer domain.Envelope, keys []string) domain.Envelope {
	wanted := func(key string) bool { return len(keys) == 0 || slices.Contains(keys, key) }
	answer.Instance = p.instance
	answer.Sections = maps.Clone(answer.Sections)
	maps.DeleteFunc(answer.Sections, func(key string, _ domain.SectionReport) bool { return !wanted(key) })
	answer.Extensions = slices.DeleteFunc(slices.Clone(answer.Extensions), func(e domain.Extension) bool { return !wanted(e.Key) })
	for _, key := range p.recorded {
		_, has := answer.Sections[key]
		switch {
		case has && slices.Contains(p.settings.Disabled, key):
			disable(&answer, key)
		case !has && slices.Contains(keys, key):
			answer.Extensions = append(answer.Extensions, domain.Extension{Key: key, Value: json.RawMessage("null")})
			answer.Sections[key] = notRecorded()
		}
	}
	return answer
}

// disable shows a section as one that was not asked.
func disable(answer *domain.Envelope, key string) {
	answer.Sections[key] = domain.SectionReport{Status: domain.StatusDisabled}
	if domain.Core(key) {
		_ = answer.Set(key, nil) // which a core section may always be
		return
	}
	i := slices.IndexFunc(answer.Extensions, func(e domain.Extension) bool { return e.Key == key })
	answer.Extensions[i].Value = json.RawMessage("null")
}
