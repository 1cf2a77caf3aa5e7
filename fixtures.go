package orchmetrics

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/orchmetrics/orchmetrics/adapters/replay"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/ports"
)

// FixtureOptions say how a fixture is played.
type FixtureOptions = replay.Options

// Scenario is a fixture that comes with the service.
type Scenario = replay.Scenario

// Scenarios lists the fixtures that come with the service.
func Scenarios() []Scenario { return replay.Scenarios() }

// Fixture is a recording to play in place of all sources, for [InitializeReplay].
type Fixture struct {
	Recording *replay.Recording
	Options   FixtureOptions
	// Extra are sections in Go beside the recorded ones, which keep their keys.
	Extra []ports.Section
}

// scenarioPrefix tells a scenario's name from a path.
const scenarioPrefix = "scenario:"

// OpenFixture reads a fixture: scenario:NAME, or the path of a recording.
func OpenFixture(name string, opts FixtureOptions) (Fixture, error) {
	var recording *replay.Recording
	var err error
	if scenario, found := strings.CutPrefix(name, scenarioPrefix); found {
		recording, err = replay.OpenScenario(scenario)
	} else {
		recording, err = replay.Open(name)
	}
	if err != nil {
		return Fixture{}, fmt.Errorf("fixture %s: %w", name, err)
	}
	return Fixture{Recording: recording, Options: opts}, nil
}

// replayed is what answers, and the service of the sections that are live beside the player.
type replayed struct {
	Snapshots ports.Snapshotter
	Live      *app.Service
}

// newReplayed plays a fixture. Of the settings only those of sections count.
func newReplayed(cfg Config, fixture Fixture, log *slog.Logger) (replayed, error) {
	if fixture.Recording == nil {
		return replayed{}, errors.New("wire replay: the fixture has no recording; OpenFixture reads one")
	}
	opts := serviceOptions(cfg, dropIns(cfg), log)
	opts.Recorded = fixture.Recording.Keys()
	sections := Sections(cfg, Sources{Extra: fixture.Extra})
	live, err := app.NewService(sections, nil, fixture.Recording, nil, opts)
	if err != nil {
		return replayed{}, fmt.Errorf("wire replay: %w", err)
	}
	if !cfg.MetricsEnabled {
		return replayed{Snapshots: live, Live: live}, nil // it says so, and plays nothing
	}
	player := replay.NewPlayer(fixture.Recording, live, fixture.Options, cfg.SectionsDisabled)
	return replayed{Snapshots: player, Live: live}, nil
}
