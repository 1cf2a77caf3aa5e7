package main

import (
	"fmt"
	"io"

	"github.com/orchmetrics/orchmetrics"
)

// fixturesCmd lists the scenarios.
type fixturesCmd struct{}

// Run implements the command.
func (fixturesCmd) Run(stdout io.Writer) error {
	for _, scenario := range orchmetrics.Scenarios() {
		if _, err := fmt.Fprintf(stdout, "%-18s %s\n", scenario.Name, scenario.Summary); err != nil {
			return err //nolint:wrapcheck // a closed standard output speaks for itself
		}
	}
	return nil
}

// fixtureFlags choose what is played instead of the world.
type fixtureFlags struct {
	Name string `name:"fixture" placeholder:"FILE" help:"Play a recording, or scenario:NAME (see api fixtures)."`
	Step string `name:"fixture-step" default:"request" enum:"request,time" placeholder:"WHEN" help:"A step a scrape, or in its own time."`
	Loop bool   `name:"fixture-loop" help:"Begin again after the last step, which else stays."`
}

// server returns the server over the fixture, or over the sources that the settings
// name.
func (f fixtureFlags) server(cfg orchmetrics.Config) (*orchmetrics.Server, error) {
	if f.Name == "" {
		return orchmetrics.InitializeServer(cfg) //nolint:wrapcheck // says which setting is wrong
	}
	fixture, err := orchmetrics.OpenFixture(f.Name, orchmetrics.FixtureOptions{ByTime: f.Step == "time", Loop: f.Loop})
	if err != nil {
		return nil, err //nolint:wrapcheck // says which fixture, and what is wrong with it
	}
	return orchmetrics.InitializeReplay(cfg, fixture) //nolint:wrapcheck // says which setting is wrong
}
