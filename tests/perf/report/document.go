package main

import (
	_ "embed" // for the text
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/orchmetrics/orchmetrics/tests/perf"
)

//go:embed performance.md.tmpl
var text string

// write writes the report as a document.
func write(path string, p plan, at machine, rows []row) error {
	document, err := template.New("performance").Funcs(template.FuncMap{
		"words": perf.Words,
		"span":  func(long time.Duration) string { return plain(long.Seconds()) + " s" },
	}).Parse(text)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var lines strings.Builder
	table(&lines, rows)
	err = document.Execute(file, map[string]any{
		"Plan": p, "Machine": at, "Table": lines.String(), "Date": time.Now().UTC().Format(time.DateOnly),
		"Commits": commits, "Short": p.Large == 0,
	})
	if err != nil {
		return err
	}
	return file.Close()
}
