// Command genmetrics writes docs/metrics.md, made from the descriptions of the
// metrics, to standard output.
package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/orchmetrics/orchmetrics/adapters/prometheus"
)

//go:embed metrics.md.tmpl
var page string

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "genmetrics:", err)
		os.Exit(1)
	}
}

func run(stdout io.Writer) error {
	parsed, err := template.New("page").Funcs(template.FuncMap{"rows": rows}).Parse(page)
	if err != nil {
		return fmt.Errorf("read the template: %w", err)
	}
	if err := parsed.Execute(stdout, nil); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// rows are the lines of a table of all metrics whose names begin so.
func rows(prefix string) string {
	var text strings.Builder
	for _, f := range exposition.Families() {
		if !strings.HasPrefix(f.Name, prefix) {
			continue
		}
		labels := "none"
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		from := "the text itself"
		if f.From != "" {
			from = "`" + f.From + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s | %s | %s |\n", f.Name, f.Kind, cmp.Or(f.Unit, "number"), labels, f.Help, from, f.Absent)
	}
	return text.String()
}
