package logging

import (
	"bytes"
	"io"
	"log/slog"
)

// New returns a logger that nobody waits for, with lines of the handler that
// format makes for a writer. An out that is an [AsyncWriter] is used as it is, so
// that others can write to it too.
func New(out io.Writer, format func(io.Writer) slog.Handler) *slog.Logger {
	async, is := out.(*AsyncWriter)
	if !is {
		async = NewAsyncWriter(out)
	}
	async.setNotice(func(dropped int) []byte {
		var line bytes.Buffer
		slog.New(format(&line)).Warn("log lines were dropped: they could not be written in time", "lines", dropped)
		return line.Bytes()
	})
	return slog.New(newLimiter(format(async)))
}

func (w *AsyncWriter) setNotice(notice func(dropped int) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notice = notice
}
