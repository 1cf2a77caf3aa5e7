package main

import (
	"fmt"
	"io"
	"strings"
)

// row is one line of the table.
type row struct {
	what     string
	target   string
	measured string
	verdict  verdict
	detail   string
}

type verdict string

const (
	met    verdict = "yes"
	missed verdict = "no"
	told   verdict = "" // nothing to reach
)

func verdictOf(reached bool) verdict {
	if reached {
		return met
	}
	return missed
}

// atMost and atLeast are rows of a figure that is compared with its target.
func atMost(what string, limit, figure float64, unit, detail string) row {
	return row{what, "≤ " + plain(limit) + unit, digits(figure) + unit, verdictOf(figure <= limit), detail}
}

func atLeast(what string, limit, figure float64, unit, detail string) row {
	return row{what, "≥ " + plain(limit) + unit, digits(figure) + unit, verdictOf(figure >= limit), detail}
}

func plain(x float64) string { return fmt.Sprintf("%g", x) }

// table writes the rows in Markdown.
func table(w io.Writer, rows []row) {
	cells := [][]string{{"what", "must reach", "measured", "reached", "in detail"}}
	for _, r := range rows {
		cells = append(cells, []string{r.what, r.target, r.measured, string(r.verdict), r.detail})
	}
	for i, line := range cells {
		fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			fmt.Fprintln(w, strings.Repeat("|---", len(line))+"|")
		}
	}
}
