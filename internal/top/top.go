// Package top shows in a terminal what the page shows in a browser: what the agents do
// now, live. It reads answers as any reader of the contract does, of this process or of
// a running service.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Source returns an answer of GET /metrics.
type Source func(ctx context.Context) ([]byte, error)

// Options are how it is shown.
type Options struct {
	// Every is how long from one answer to the next question.
	Every time.Duration
	// Of says in a few words whose answers they are.
	Of string
	// Terminal is what keys are read from, and Screen where it is shown.
	Terminal io.Reader
	Screen   io.Writer
	// Environ is the environment, of which TERM and NO_COLOR count.
	Environ []string
}

// Run shows the answers until it is told to quit, by a key or by the end of the
// context. It leaves the terminal as it was.
func Run(ctx context.Context, source Source, opts Options) error {
	m := &model{ctx: ctx, source: source, opts: opts, width: 80, height: 24}
	program := tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler(),
		tea.WithInput(opts.Terminal), tea.WithOutput(opts.Screen), tea.WithEnvironment(opts.Environ))
	_, err := program.Run()
	if err == nil || ctx.Err() != nil && errors.Is(err, tea.ErrProgramKilled) {
		return nil
	}
	return fmt.Errorf("show in the terminal: %w", err)
}
