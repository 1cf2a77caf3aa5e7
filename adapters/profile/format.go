package profile

// This file is the one place that names what a profile may hold. The parser, its
// messages, the JSON Schema and the documents follow it.

// Version is that of the format.
const Version = 1

// The keys of a profile beside those of its queries.
const (
	keyVersion   = "profile"
	keyName      = "name"
	keyAbout     = "about"
	keyDatabases = "databases"
	keyStates    = "states"
)

// The keys of a database, and of a query.
const (
	keyPath     = "path"
	keyBeside   = "beside"
	keyOptional = "optional"

	keySQL      = "sql"
	keyDatabase = "database"
	keyTimes    = "times"
)

// Queries of a profile.
const (
	Stages  = "stages"
	Running = "running"
	Waiting = "waiting"
	Counts  = "counts"
	Retries = "retries"
	Totals  = "totals"
	Models  = "models"
)

// kind is what the cells of a column are to be.
type kind string

const (
	kindInteger kind = "integer"
	kindReal    kind = "real"
	kindText    kind = "text"
	kindTime    kind = "time"
	kindRef     kind = "ref" // an id that is a text, a uuid or a blob of 16 bytes
)

// column is a column that a query may return.
type column struct {
	name string
	kind kind
	// required is set if there is nothing to show without it. instead is the column
	// that may stand for it.
	required bool
	instead  string
	// shows is the field of the envelope.
	shows string
}

// form is what is known of a query beforehand.
type form struct {
	key  string
	help string
	// history is set for what reads rows that have ended: it is paced, see pace.go.
	history bool
	columns []column
}

// column finds a column by its name.
func (f form) column(name string) (column, bool) {
	for _, c := range f.columns {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

// names are those of all columns.
func (f form) names() (names []string) {
	for _, c := range f.columns {
		names = append(names, c.name)
	}
	return names
}

// unreadable counts what a sum leaves out.
const unreadable = "unreadable_cells"

// forms are all queries, in the order of the documents.
func forms() []form {
	return []form{
		{key: Stages, help: "A row for each task that is not finished.", columns: []column{
			{name: "task_id", kind: kindInteger, required: true, instead: "task_ref", shows: "stages[].task_id"},
			{name: "task_ref", kind: kindRef, shows: "stages[].task_ref"},
			{name: "stage", kind: kindText, required: true, shows: "stages[].stage"},
			{name: "work_item", kind: kindText, shows: "stages[].work_item"},
			{name: "repo", kind: kindText, shows: "stages[].repo"},
			{name: "since", kind: kindTime, shows: "stages[].age_in_stage_s"},
		}},
		{key: Running, help: "A row for each job that runs now.", columns: append([]column{
			{name: "job_id", kind: kindInteger, required: true, instead: "job_ref", shows: "agents[].job_id"},
			{name: "job_ref", kind: kindRef, shows: "agents[].job_ref"},
			{name: "run_id", kind: kindInteger, shows: "agents[].run_id"},
			{name: "run_ref", kind: kindRef, shows: "agents[].run_ref"},
			{name: "task_id", kind: kindInteger, shows: "agents[].task_id"},
			{name: "task_ref", kind: kindRef, shows: "agents[].task_ref"},
			{name: "work_item", kind: kindText, shows: "agents[].work_item"},
			{name: "agent", kind: kindText, shows: "agents[].agent"},
			{name: "repo", kind: kindText, shows: "agents[].repo"},
			{name: "pid", kind: kindInteger, shows: "agents[].pid"},
			{name: "host", kind: kindText, shows: "agents[].host"},
			{name: "started_at", kind: kindTime, shows: "agents[].runtime_s"},
			{name: "model", kind: kindText, shows: "agents[].model"},
			{name: "effort", kind: kindText, shows: "agents[].effort"},
		}, sums("cost.running[]")...)},
		{key: Waiting, help: "One row: how many jobs wait now.", columns: []column{
			{name: "jobs", kind: kindInteger, required: true, shows: "queue.depth"},
		}},
		{key: Counts, help: "A row for each state: how many jobs are in it.", history: true, columns: []column{
			{name: "status", kind: kindText, required: true, shows: "queue.counts"},
			{name: "jobs", kind: kindInteger, required: true, shows: "queue.counts"},
		}},
		{key: Retries, help: "One row: how often jobs were started again.", history: true, columns: []column{
			{name: "retried_jobs", kind: kindInteger, required: true, shows: "queue.retries.retried_jobs"},
			{name: "retries_total", kind: kindInteger, required: true, shows: "queue.retries.retries_total"},
			{name: "max_attempts_seen", kind: kindInteger, required: true, shows: "queue.retries.max_attempts_seen"},
			{name: unreadable, kind: kindInteger, shows: "sections.queue.anomalies"},
		}},
		{key: Totals, help: "One row: what all runs have cost.", history: true, columns: append([]column{
			{name: "runs", kind: kindInteger, required: true, shows: "cost.aggregate.runs"},
			{name: unreadable, kind: kindInteger, shows: "sections.cost.anomalies"},
		}, sums("cost.aggregate")...)},
		{key: Models, help: "A row for each model: what its runs have cost.", history: true, columns: append([]column{
			{name: "model", kind: kindText, required: true, shows: "cost.by_model[].model"},
			{name: "runs", kind: kindInteger, required: true, shows: "cost.by_model[].runs"},
			{name: unreadable, kind: kindInteger, shows: "sections.cost.anomalies"},
		}, sums("cost.by_model[]")...)},
	}
}

// sums are the columns of cost and tokens, which are the same everywhere.
func sums(of string) []column {
	columns := []column{{name: "cost_usd", kind: kindReal, shows: of + ".cost_usd"}}
	for _, name := range tokenColumns {
		columns = append(columns, column{name: name, kind: kindInteger, shows: of + "." + name})
	}
	return columns
}

// tokenColumns are the columns of tokens, in the order of domain.CostTotals.
var tokenColumns = [...]string{"input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens"}

// The forms of a timestamp.
const (
	timeSQL     = "sqlite" // what SQLite's date functions read as a date; the default
	timeSeconds = "unix_s"
	timeMillis  = "unix_ms"
	timeMicros  = "unix_us"
	timeRFC3339 = "rfc3339"
	timeGo      = "go" // Go's time.Time as a text
)

// timeForms are all of them.
var timeForms = []string{timeSQL, timeSeconds, timeMillis, timeMicros, timeRFC3339, timeGo}

// Limits of a profile.
const (
	maxFile      = 256 << 10 // bytes
	maxText      = 64 << 10  // bytes of one value
	maxDatabases = 8
)
