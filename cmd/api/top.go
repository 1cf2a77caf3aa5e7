package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/top"
)

// topCmd shows in the terminal what the page shows in a browser.
type topCmd struct {
	Every time.Duration `default:"2s" placeholder:"DURATION" help:"How long from one answer to the next question."`
	URL   string        `name:"url" placeholder:"URL" help:"The service: http(s)://HOST:PORT or unix:/PATH. Unset: what the settings name."`

	Access accessFlags `embed:""`
}

// Help is what --help says besides.
func (topCmd) Help() string {
	return "The agents with their tickets, what each does, its runtime, CPU, memory and cost; tasks by stage, the queue, and what is wrong. " +
		"Keys: q quits, / finds, s orders, r reverses, p pauses, ? explains. It needs 80 columns, and shows more where there are more. " +
		"NO_COLOR=1 does without colours."
}

var errNoTerminal = errors.New("top: this is no terminal; api snapshot prints the same once, and api record again and again")

// Run implements the command.
func (t topCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	if t.Every < 100*time.Millisecond {
		return fmt.Errorf("--every is %s; it must be 100ms or more", t.Every)
	}
	if !isTerminal(stdout) || !isTerminal(os.Stdin) {
		return errNoTerminal
	}
	warnOfUnknown(cfg.Logger)
	cfg.Logger = slog.New(slog.DiscardHandler) // its lines would stand across the screen, which shows the same as codes
	ask, err := answersOf(cfg, t.URL, t.Access, t.Every)
	if err != nil {
		return fmt.Errorf("top: %w", err) // repeats no password
	}
	opts := top.Options{Every: t.Every, Of: withoutSecrets(cmp.Or(t.URL, cfg.DB)), Terminal: os.Stdin, Screen: stdout, Environ: os.Environ()}
	return top.Run(ctx, ask, opts) //nolint:wrapcheck // says what it could not do
}

// withoutSecrets is an address as it may be shown.
func withoutSecrets(address string) string {
	if parsed, err := url.Parse(address); err == nil && parsed.Host != "" {
		return shown(parsed)
	}
	return address
}
