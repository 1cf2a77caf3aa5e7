package top

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

// row is one agent, as it is shown.
type row struct {
	agent

	ticket, stage string
	doing         doing
	own, tree     *float64 // shares of one core
	cost          *float64
	tokens        *int64 // that went in and came out, as far as it is known
}

// rowsOf joins an answer's lists.
func rowsOf(e envelope, l *lives) []row {
	tasks, costs, tokens := map[int64]task{}, map[int64]*float64{}, map[int64]*int64{}
	for _, t := range e.Stages {
		tasks[t.TaskID] = t
	}
	for _, run := range e.Cost.Running {
		costs[run.JobID] = run.CostUSD
		if run.InputTokens != nil || run.OutputTokens != nil {
			tokens[run.JobID] = new(value(run.InputTokens) + value(run.OutputTokens))
		}
	}
	rows := make([]row, len(e.Agents))
	for i, a := range e.Agents {
		r := row{agent: a, cost: costs[a.JobID], tokens: tokens[a.JobID]}
		ticket := a.WorkItem
		if a.TaskID != nil {
			t := tasks[*a.TaskID]
			r.stage = domain.Printable(t.Stage)
			ticket = cmp.Or(ticket, t.WorkItem)
		}
		r.ticket = "job " + domain.Printable(*cmp.Or(a.JobRef, new(strconv.FormatInt(a.JobID, 10))))
		if ticket = cmp.Or(ticket, a.TaskRef); ticket != nil {
			r.ticket = domain.Printable(*ticket)
		}
		found, known := l.find(a)
		if known {
			r.own = found.share(found.before.own, found.now.own, e.ClkTck)
			r.tree = found.share(found.before.tree, found.now.tree, e.ClkTck)
		}
		r.doing = doingOf(a, found, known)
		rows[i] = r
	}
	return rows
}

// text is what a filter looks at.
func (r row) text() string {
	parts := []string{
		r.ticket, r.stage, r.doing.words, strconv.FormatInt(r.JobID, 10), value(r.JobRef), value(r.TaskRef),
		value(r.Agent), value(r.Repo), value(r.Model), value(r.Host),
	}
	if r.PID != nil {
		parts = append(parts, strconv.FormatInt(*r.PID, 10))
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// matching are the rows that have all of the words.
func matching(rows []row, filter string) []row {
	words := strings.Fields(strings.ToLower(filter))
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
		text := r.text()
		return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
}

// order is one of the orders that rows can have.
type order struct {
	name    string
	compare func(a, b row) int
	// known tells whether the row has what it is ordered by; those without come last.
	known func(r row) bool
}

func always(row) bool { return true }

// orders are in the order in which a key goes through them: first as they come.
var orders = []order{
	{"job", func(row, row) int { return 0 }, always},
	{"cpu", func(a, b row) int { return cmp.Compare(value(busiest(b)), value(busiest(a))) }, func(r row) bool { return busiest(r) != nil }},
	{"time", func(a, b row) int { return cmp.Compare(value(b.RuntimeS), value(a.RuntimeS)) }, func(r row) bool { return r.RuntimeS != nil }},
	{"state", func(a, b row) int { return cmp.Compare(a.doing.rank, b.doing.rank) }, always},
	{"memory", func(a, b row) int { return cmp.Compare(memory(b), memory(a)) }, func(r row) bool { return memory(r) > 0 }},
	{"cost", func(a, b row) int { return cmp.Compare(value(b.cost), value(a.cost)) }, func(r row) bool { return r.cost != nil }},
	{"ticket", func(a, b row) int {
		return cmp.Or(cmp.Compare(len(a.ticket), len(b.ticket)), cmp.Compare(a.ticket, b.ticket))
	}, always},
	{"agent", func(a, b row) int { return cmp.Compare(value(a.Agent), value(b.Agent)) }, func(r row) bool { return r.Agent != nil }},
}

// sorted returns the rows in an order, or the other way round; what is unknown is last
// in both.
func sorted(rows []row, by order, reverse bool) []row {
	rows = slices.Clone(rows)
	if reverse {
		slices.Reverse(rows)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch knownA, knownB := by.known(a), by.known(b); {
		case knownA != knownB && knownA:
			return -1
		case knownA != knownB:
			return 1
		case reverse:
			return by.compare(b, a)
		default:
			return by.compare(a, b)
		}
	})
	return rows
}

func busiest(r row) *float64 { return cmp.Or(r.tree, r.own) }

func memory(r row) int64 {
	if r.Process == nil {
		return 0
	}
	return value(r.Process.RSSBytes)
}
