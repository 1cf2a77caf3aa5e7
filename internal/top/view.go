package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/orchmetrics/orchmetrics/domain"
)

// The styles are of the terminal's own colours. Nothing is told by a colour alone.
func strong(text string) string { return lipgloss.NewStyle().Bold(true).Render(text) }
func faint(text string) string  { return lipgloss.NewStyle().Faint(true).Render(text) }
func bad(text string) string {
	return lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Red).Render(text)
}

func well(text string) string { return lipgloss.NewStyle().Foreground(lipgloss.Green).Render(text) }

func accent(text string) string { return lipgloss.NewStyle().Foreground(lipgloss.Blue).Render(text) }
func bar(text string) string    { return lipgloss.NewStyle().Reverse(true).Render(text) }

// View shows it in as many lines and columns as there are.
func (m *model) View() tea.View {
	view := tea.NewView(strings.Join(m.lines(), "\n"))
	view.AltScreen = true
	view.WindowTitle = "api top"
	if n := len(m.troubles()); n > 0 {
		view.WindowTitle = fmt.Sprintf("▲ %d · api top", n)
	}
	return view
}

// lines are all of the screen's.
func (m *model) lines() []string {
	all := m.head()
	switch {
	case m.help:
		all = append(all, keys...)
	case m.envelope.off():
		all = append(all, "", "The service is switched off (ORCH_METRICS_ENABLED).")
	case !m.answered.IsZero():
		all = append(all, m.table()...)
	}
	for len(all) < m.height-1 {
		all = append(all, "")
	}
	all = append(all[:max(0, m.height-1)], m.foot())
	for i, line := range all {
		all[i] = ansi.Truncate(line, m.width, "…")
	}
	return all
}

// room is for how many rows there is.
func (m *model) room() int { return max(1, m.height-len(m.head())-2) }

// head says whether all is well, and what there is.
func (m *model) head() []string {
	state := m.state()
	if m.answered.IsZero() || m.envelope.off() {
		return []string{state}
	}
	e := m.envelope
	lines := []string{state, strings.Join([]string{
		counted("agents", e.known("agents"), len(e.Agents)), counted("tasks", e.known("stages"), len(e.Stages)),
		"queued " + integer(e.Queue.Depth), "breaker " + orUnknown(domain.Printable(e.breaker())), m.cost(),
	}, faint(" · "))}
	if stages := stagesOf(e.Stages); stages != "" {
		lines = append(lines, stages)
	}
	for _, one := range m.troubles() {
		if len(lines) > m.height/3 {
			break
		}
		lines = append(lines, bad("▲ "+one))
	}
	return append(lines, "")
}

func (m *model) state() string {
	at := m.envelope.GeneratedAt.UTC().Format("15:04:05 UTC")
	of := faint("  " + domain.Printable(m.opts.Of))
	switch n := len(m.troubles()); {
	case m.failure != "" && m.answered.IsZero():
		return bad("✕ no answer") + ": " + domain.Printable(m.failure)
	case m.failure != "":
		age := span(int64(time.Since(m.answered).Seconds()))
		return bad("✕ no answer") + fmt.Sprintf(" for %s: %s", age, domain.Printable(m.failure))
	case m.answered.IsZero():
		return "asking" + of
	case m.envelope.off():
		return "○ switched off" + of
	case m.paused:
		return strong("‖ paused") + "  " + at + of
	case n > 0:
		return bad(fmt.Sprintf("▲ %d %s", n, plural(n, "problem", "problems"))) + "  " + at + of
	default:
		return well("●") + strong(" live") + "  " + at + of
	}
}

// troubles are what is known to be broken, as on the page.
func (m *model) troubles() []string {
	var all []string
	causes := map[string][]string{}
	for key, section := range m.envelope.Sections {
		if section.Status == "ok" || section.Status == "disabled" {
			continue
		}
		cause := section.Status
		if section.Code != nil && *section.Code != section.Status {
			cause += ", " + *section.Code
		}
		causes[cause] = append(causes[cause], key)
	}
	for cause, sections := range causes {
		slices.Sort(sections)
		all = append(all, domain.Printable(strings.Join(sections, ", ")+": "+cause))
	}
	slices.Sort(all)
	if breaker := m.envelope.breaker(); breaker != "" && !strings.EqualFold(breaker, "closed") {
		all = append(all, "the worker’s circuit breaker is "+domain.Printable(breaker))
	}
	for _, r := range m.rows {
		if r.doing.trouble {
			all = append(all, domain.Printable(orUnknown(value(r.Agent)))+" on "+r.ticket+": "+r.doing.words)
		}
	}
	return all
}

func (m *model) cost() string {
	if m.envelope.Cost.Aggregate == nil {
		return "cost unknown"
	}
	return fmt.Sprintf("cost %s in %s runs", dollars(m.envelope.Cost.Aggregate.CostUSD), grouped(m.envelope.Cost.Aggregate.Runs))
}

// stagesOf counts the tasks of each stage, as the page has them at first: the stage of
// the youngest tasks, by id, comes first.
func stagesOf(tasks []task) string {
	ids := map[string][]int64{}
	for _, t := range tasks {
		ids[t.Stage] = append(ids[t.Stage], t.TaskID)
	}
	stages := slices.Collect(maps.Keys(ids))
	for _, of := range ids {
		slices.Sort(of)
	}
	median := func(stage string) int64 { return ids[stage][len(ids[stage])/2] }
	slices.SortFunc(stages, func(a, b string) int { return cmp.Or(cmp.Compare(median(b), median(a)), cmp.Compare(a, b)) })
	for i, stage := range stages {
		stages[i] = fmt.Sprintf("%s %d", faint(domain.Printable(stage)), len(ids[stage]))
	}
	return strings.Join(stages, "  ")
}

// keys are what the keys are for.
var keys = []string{
	strong("Keys"),
	"  /            find: words that all have to be in a row; Enter keeps them, Esc ends it",
	"  s, S         order by the next column, or the one before; r the other way round",
	"  ↑ ↓ PgUp PgDn Home End   scroll",
	"  p            pause, and go on",
	"  ?            these lines",
	"  q, Ctrl-C    quit",
	"",
	strong("What an agent does"), // since the answer before
	"  ▶ working: its process used CPU       ◆ its children did, it waits",
	"  ◔ it wakes up, and uses hardly any    ■ nothing has moved, for so long",
	"  ▲ in trouble                          ○ not known",
	"",
	"The bar is the share of one core: █ the process, ▒ its tree; full is one core.",
}

func (m *model) foot() string {
	if m.typing {
		return bar(" find: " + domain.Printable(m.filter) + "▏")
	}
	by := orders[m.order].name
	if m.reverse {
		by += ", reversed"
	}
	text := fmt.Sprintf(" q quit  / find  s sort: %s  r reverse  p pause  ? help", by)
	if m.filter != "" {
		text = fmt.Sprintf(" Esc: show all, not only %s  │ %s", domain.Printable(m.filter), text)
	}
	return bar(ansi.Truncate(text+strings.Repeat(" ", max(0, m.width-ansi.StringWidth(text))), m.width, "…"))
}
