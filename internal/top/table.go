package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/orchmetrics/orchmetrics/domain"
)

// column is one of the table's: what it is called, how wide it is, and from which width
// of the terminal on there is room for it.
type column struct {
	title string
	width int
	right bool
	from  int
	text  func(r row) string
}

var columns = []column{
	{title: "TICKET", width: 12, text: func(r row) string { return r.ticket }},
	{title: "STAGE", width: 13, from: 100, text: func(r row) string { return r.stage }},
	{title: "AGENT", width: 10, text: func(r row) string { return domain.Printable(value(r.Agent)) }},
	{title: "MODEL", width: 18, from: 130, text: func(r row) string { return domain.Printable(value(r.Model)) }},
	{title: "STATE", width: 19, text: func(r row) string { return r.doing.shape + " " + r.doing.words }},
	{title: "PID", width: 8, right: true, from: 112, text: pid},
	{title: "TIME", width: 7, right: true, text: func(r row) string { return spanOf(r.RuntimeS) }},
	{title: "CPU", width: 8, text: bars},
	{title: "TREE", width: 5, right: true, text: func(r row) string { return percent(busiest(r)) }},
	{title: "MEM", width: 5, right: true, text: size},
	{title: "COST", width: 7, right: true, text: func(r row) string { return dollars(r.cost) }},
	{title: "TOKENS", width: 7, right: true, from: 138, text: tokens},
	{title: "REPO", width: 16, from: 150, text: func(r row) string { return domain.Printable(value(r.Repo)) }},
	{title: "HOST", width: 16, from: 170, text: func(r row) string { return domain.Printable(value(r.Host)) }},
}

// table has a line for each row for which there is room.
func (m *model) table() []string {
	if !m.envelope.known("agents") {
		return []string{"Nothing is known of the agents at this moment."}
	}
	rows := m.shown()
	first := max(0, min(m.first, len(rows)-m.room()))
	lines := []string{m.titles(len(rows), first)}
	switch {
	case len(m.rows) == 0:
		return append(lines, "No job is running.")
	case len(rows) == 0:
		return append(lines, "None is what is looked for.")
	}
	for _, r := range rows[first:min(len(rows), first+m.room())] {
		lines = append(lines, m.line(r))
	}
	return lines
}

func (m *model) titles(rows, first int) string {
	cells := m.cells(func(c column) string { return c.title })
	if rows > m.room() {
		cells += fmt.Sprintf("  %d–%d of %d", first+1, min(rows, first+m.room()), rows)
	}
	return faint(cells)
}

func (m *model) line(r row) string {
	return m.cells(func(c column) string {
		switch c.title {
		case "TICKET":
			return strong(ansi.Truncate(c.text(r), c.width, "…"))
		case "STATE":
			state := ansi.Truncate(c.text(r), c.width, "…")
			if r.doing.trouble {
				return bad(state)
			}
			return state
		case "CPU":
			return accent(c.text(r))
		default:
			return c.text(r)
		}
	})
}

// cells puts one text of each column beside the other.
func (m *model) cells(text func(c column) string) string {
	var line strings.Builder
	for _, c := range columns {
		if m.width < c.from {
			continue
		}
		cell := ansi.Truncate(text(c), c.width, "…")
		gap := strings.Repeat(" ", max(0, c.width-ansi.StringWidth(cell)))
		if c.right {
			line.WriteString(gap + cell + " ")
		} else {
			line.WriteString(cell + gap + " ")
		}
	}
	return strings.TrimRight(line.String(), " ")
}

func pid(r row) string {
	if r.PID == nil {
		return "–"
	}
	return strconv.FormatInt(*r.PID, 10)
}

// bars is the share of a core as a picture: what the process used, and what its tree
// did besides.
func bars(r row) string {
	const cells = 8
	filled := func(share *float64) int { return max(0, min(cells, int(value(share)*cells+0.5))) }
	own, tree := filled(r.own), filled(busiest(r))
	return strings.Repeat("█", own) + strings.Repeat("▒", max(0, tree-own)) + strings.Repeat("·", cells-max(own, tree))
}

func percent(share *float64) string {
	switch {
	case share == nil:
		return "–"
	case *share > 0 && *share < 0.1:
		return strconv.FormatFloat(*share*100, 'f', 1, 64) + "%"
	default:
		return strconv.FormatFloat(*share*100, 'f', 0, 64) + "%"
	}
}

func spanOf(seconds *int64) string {
	if seconds == nil {
		return "–"
	}
	return span(*seconds)
}

// span is a number of seconds in its two largest units.
func span(seconds int64) string {
	s, sign := uint64(seconds), "" //nolint:gosec // its absolute value below
	if seconds < 0 {
		s, sign = -s, "-" // also of the least there is
	}
	return sign + magnitude(s)
}

func magnitude(s uint64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
	}
}

func size(r row) string {
	if r.Process == nil || r.Process.RSSBytes == nil {
		return "–"
	}
	bytes, unit := float64(*r.Process.RSSBytes), 0
	for ; bytes >= 1000 && unit < 4; unit++ {
		bytes /= 1024
	}
	return strconv.FormatFloat(bytes, 'f', 0, 64) + []string{"B", "K", "M", "G", "T"}[unit]
}

// tokens are rounded, as a size is, to thousands.
func tokens(r row) string {
	if r.tokens == nil {
		return "–"
	}
	count, unit := float64(*r.tokens), 0
	for ; math.Abs(count) >= 1000 && unit < 4; unit++ {
		count /= 1000
	}
	return strconv.FormatFloat(count, 'f', min(unit, 1), 64) + []string{"", "k", "M", "G", "T"}[unit]
}

func dollars(amount *float64) string {
	if amount == nil {
		return "–"
	}
	return "$" + strconv.FormatFloat(*amount, 'f', 2, 64)
}

func integer(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return grouped(*n)
}

func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func counted(name string, known bool, n int) string {
	if !known {
		return name + " unknown"
	}
	return name + " " + strong(grouped(int64(n)))
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func plural(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}
