package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

var marks = map[Status]string{OK: "✓", Warning: "!", Failed: "✗"}

// maxShown is how many details of one check Text shows.
const maxShown = 20

// Text writes the report for people: a line a check, and below it those of its
// details that are not as they should be.
func (r Report) Text(w io.Writer) error {
	var text strings.Builder
	counts := map[Status]int{}
	var skipped []string
	for _, result := range r.Checks {
		counts[result.Status]++
		if result.Status == Skipped { // what it depends on has its line
			skipped = append(skipped, result.Check)
			continue
		}
		text.WriteString(result.line())
		shown := 0
		for _, detail := range result.Details {
			if detail.Status == OK {
				continue
			}
			if shown++; shown > maxShown {
				text.WriteString("    … and more: --json shows all\n")
				break
			}
			line := fmt.Sprintf("    %s %s: %s", marks[detail.Status], detail.Subject, detail.Message)
			text.WriteString(domain.Printable(line) + "\n")
		}
	}
	fmt.Fprintf(&text, "\n%d ok, %d with a warning, %d failed", counts[OK], counts[Warning], counts[Failed])
	if len(skipped) > 0 {
		text.WriteString("; not checked without the database: " + strings.Join(skipped, ", "))
	}
	text.WriteByte('\n')
	_, err := io.WriteString(w, text.String())
	return err
}

func (r Result) line() string {
	line := fmt.Sprintf("%s %-13s %s", marks[r.Status], r.Check, r.Message)
	if r.Code != nil {
		line += fmt.Sprintf(" (%s)", *r.Code)
	}
	if r.Do != "" {
		line += " → " + r.Do
	}
	return domain.Printable(line) + "\n"
}
