package orchmetrics

import (
	"fmt"
	"strings"

	"github.com/orchmetrics/orchmetrics/adapters/fixture"
)

// FixtureOptions say how a fixture is played.
type FixtureOptions = fixture.Options

// Scenario is a fixture that comes with the service.
type Scenario = fixture.Scenario

// Scenarios lists the fixtures that come with the service.
func Scenarios() []Scenario { return fixture.Scenarios() }

// scenarioPrefix tells a scenario's name from a path.
const scenarioPrefix = "scenario:"

// FixtureSources returns sources that play a fixture: scenario:NAME, or the path
// of a recording. Of the settings only those of sections count: drop-in sections
// come beside the recorded ones, which keep their keys.
func FixtureSources(cfg Config, name string, opts FixtureOptions) (Sources, error) {
	var recording *fixture.Recording
	var err error
	if scenario, found := strings.CutPrefix(name, scenarioPrefix); found {
		recording, err = fixture.OpenScenario(scenario)
	} else {
		recording, err = fixture.Open(name)
	}
	if err != nil {
		return Sources{}, fmt.Errorf("fixture %s: %w", name, err)
	}
	src := recording.Ports(opts)
	src.Listers = append(src.Listers, dropIns(cfg)...)
	return src, nil
}
