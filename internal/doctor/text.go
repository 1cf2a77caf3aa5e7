package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/orchmetrics/orchmetrics/domain"
)

var marks = map[Status]string{OK: "✓", Warning: "!", Failed: "✗"}

// The colours of the marks, as ECMA-48 numbers them. The mark tells all the same.
var colours = map[Status]string{OK: "32", Warning: "33", Failed: "1;31"}

// Screen is what is known of where a report is read. The zero value is a file or a
// pipe: no colour, and lines as long as they are.
type Screen struct {
	Width  int
	Colour bool
}

// indent is where the words of a line begin.
const indent = 16

// maxShown is how many details of one check Text shows.
const maxShown = 20

// Text writes the report for people: a line a check, and below it those of its
// details that are not as they should be. On a screen lines are folded at words, and
// what to do has a line of its own.
func (r Report) Text(w io.Writer, screen Screen) error {
	var text strings.Builder
	counts := map[Status]int{}
	var skipped []string
	for _, result := range r.Checks {
		counts[result.Status]++
		if result.Status == Skipped { // what it depends on has its line
			skipped = append(skipped, result.Check)
			continue
		}
		text.WriteString(result.lines(screen))
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
			text.WriteString(screen.fold(domain.Printable(line), 6) + "\n")
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

func (r Result) lines(screen Screen) string {
	line := fmt.Sprintf("%s %-13s %s", marks[r.Status], r.Check, r.Message)
	if r.Code != nil {
		line += fmt.Sprintf(" (%s)", *r.Code)
	}
	line, do := domain.Printable(line), ""
	if r.Do != "" {
		do = domain.Printable(" → " + r.Do)
	}
	if screen.Width == 0 {
		return line + do + "\n"
	}
	line = screen.fold(line, indent)
	if do != "" {
		line += "\n" + screen.fold(strings.Repeat(" ", indent-1)+do, indent+2)
	}
	if mark := marks[r.Status]; screen.Colour {
		line = "\x1b[" + colours[r.Status] + "m" + mark + "\x1b[0m" + strings.TrimPrefix(line, mark)
	}
	return line + "\n"
}

// fold breaks a line at words where it is wider than the screen, and begins what
// follows further to the right.
func (s Screen) fold(line string, indent int) string {
	if s.Width < indent+20 {
		return line
	}
	first, rest := line, ""
	if ansi.StringWidth(line) > s.Width {
		first, _, _ = strings.Cut(ansi.Wrap(line, s.Width, ""), "\n")
		rest = strings.TrimPrefix(strings.TrimPrefix(line, first), " ")
	}
	if rest == "" {
		return first
	}
	gap := "\n" + strings.Repeat(" ", indent)
	return first + gap + strings.ReplaceAll(ansi.Wrap(rest, s.Width-indent, ""), "\n", gap)
}
