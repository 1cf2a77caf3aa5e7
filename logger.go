package orchmetrics

import (
	"io"
	"log/slog"
	"os"

	"github.com/orchmetrics/orchmetrics/adapters/logging"
)

// AsyncWriter writes lines without having anybody wait for whoever reads them, as
// the log does.
type AsyncWriter = logging.AsyncWriter

// NewAsyncWriter returns an AsyncWriter to out.
func NewAsyncWriter(out io.Writer) *AsyncWriter { return logging.NewAsyncWriter(out) }

// newLogger logs to standard error: standard output is for answers.
func newLogger(cfg Config) *slog.Logger {
	if cfg.Logger != nil {
		return cfg.Logger
	}
	return NewLogger(cfg, os.Stderr)
}

// NewLogger returns a logger of the configured level and format. No answer waits
// for it: lines that out does not take in time are dropped and counted, and of one
// message there are not many in a second. If out is an [AsyncWriter], its Flush
// waits for the last lines.
func NewLogger(cfg Config, out io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	return logging.New(out, func(out io.Writer) slog.Handler {
		if cfg.LogFormat == "json" {
			return slog.NewJSONHandler(out, opts)
		}
		return slog.NewTextHandler(out, opts)
	})
}
