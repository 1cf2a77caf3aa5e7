package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
)

// model is what is shown, and what the reader has chosen.
type model struct {
	ctx    context.Context //nolint:containedctx // a program's, whose commands have no other
	source Source
	opts   Options

	width, height int

	envelope envelope
	rows     []row
	lives    lives
	answered time.Time // when the last good answer came; zero if there is none
	failure  string    // why there was none since
	asking   bool
	paused   bool

	order   int // in orders
	reverse bool
	filter  string
	typing  bool // into the filter
	first   int  // row that is shown
	help    bool
}

// answer is an outcome of asking.
type answer struct {
	body []byte
	err  error
	at   time.Time
}

// due says that it is time to ask, and tick that a second has passed.
type (
	due  struct{}
	tick struct{}
)

// Init asks for the first answer.
func (m *model) Init() tea.Cmd { return tea.Batch(m.ask(), second()) }

func second() tea.Cmd { return tea.Tick(time.Second, func(time.Time) tea.Msg { return tick{} }) }

// ask asks once; there is never more than one question under way.
func (m *model) ask() tea.Cmd {
	if m.asking {
		return nil
	}
	m.asking = true
	return func() tea.Msg {
		body, err := m.source(m.ctx)
		return answer{body, err, time.Now()}
	}
}

// Update takes what has happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case answer:
		m.asking = false
		m.take(msg)
		return m, tea.Tick(m.opts.Every, func(time.Time) tea.Msg { return due{} })
	case due:
		if !m.paused {
			return m, m.ask()
		}
	case tick: // the age of the last answer grows
		return m, second()
	case tea.KeyPressMsg:
		return m, m.key(msg)
	}
	return m, nil
}

func (m *model) take(got answer) {
	var e envelope
	if got.err == nil {
		e, got.err = read(got.body)
	}
	if got.err != nil {
		m.failure = got.err.Error()
		return
	}
	m.envelope, m.answered, m.failure = e, got.at, ""
	m.lives.take(e)
	m.rows = rowsOf(e, &m.lives)
}

// shown are the rows that the reader wants, in the order that is wanted.
func (m *model) shown() []row { return sorted(matching(m.rows, m.filter), orders[m.order], m.reverse) }

// key does what a key is for.
func (m *model) key(pressed tea.KeyPressMsg) tea.Cmd {
	if pressed.String() == "ctrl+c" {
		return tea.Quit
	}
	if m.typing {
		m.edit(pressed)
		return nil
	}
	page := max(1, m.room()-1)
	switch pressed.String() {
	case "q":
		return tea.Quit
	case "esc":
		m.filter, m.help = "", false
	case "/":
		m.typing = true
	case "s":
		m.order, m.reverse = (m.order+1)%len(orders), false
	case "S":
		m.order, m.reverse = (m.order+len(orders)-1)%len(orders), false
	case "r":
		m.reverse = !m.reverse
	case "?", "h":
		m.help = !m.help
	case "p", "space":
		m.paused = !m.paused
		if !m.paused {
			return m.ask()
		}
	case "down", "j":
		m.first++
	case "up", "k":
		m.first--
	case "pgdown", "ctrl+f":
		m.first += page
	case "pgup", "ctrl+b":
		m.first -= page
	case "home", "g":
		m.first = 0
	case "end", "G":
		m.first = len(m.rows)
	}
	m.first = max(0, min(m.first, len(m.shown())-m.room()))
	return nil
}

// edit changes the filter. What is found is shown at once.
func (m *model) edit(pressed tea.KeyPressMsg) {
	letters := []rune(m.filter)
	switch pressed.String() {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		m.filter = string(letters[:max(0, len(letters)-1)])
	case "ctrl+u":
		m.filter = ""
	default:
		m.filter += pressed.Text
	}
	m.first = 0
}
