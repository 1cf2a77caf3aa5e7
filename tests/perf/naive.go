package perf

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Naive answers like the service in the way that comes to mind first: a pool of
// connections, every query and every file at every request, encoding/json. It has
// the same fields.
type Naive struct {
	db        *sql.DB
	translate func(query string) string
	instance  domain.Instance
	host      naiveHost
}

// NewNaive returns a naive service over a database: the path of one of SQLite, or a URL.
func NewNaive(path string) (n *Naive, err error) {
	n = &Naive{
		translate: func(query string) string { return query },
		instance:  domain.Instance{ID: rand.Text(), StartedAt: time.Now().UTC().Truncate(time.Second), Version: "naive"},
	}
	if n.host, err = readHost(); err != nil {
		return nil, err
	}
	if onServer(path) {
		n.translate = forPostgres.Replace
		n.db, err = sql.Open("pgx", path)
		return n, err
	}
	n.db, err = sql.Open("sqlite3", "file:"+path+"?mode=ro")
	return n, err
}

// Close closes the connections.
func (n *Naive) Close() error { return n.db.Close() }

// ServeHTTP implements http.Handler.
func (n *Naive) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	envelope, err := n.scrape()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	respond(w, body)
}

// respond sets the headers that the service sets.
func respond(w http.ResponseWriter, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// naiveEnvelope is the envelope without an encoder of its own.
type naiveEnvelope struct {
	SchemaVersion int                             `json:"schema_version"`
	GeneratedAt   time.Time                       `json:"generated_at"`
	ClkTck        int64                           `json:"clk_tck"`
	Stages        []domain.Stage                  `json:"stages"`
	Queue         domain.Queue                    `json:"queue"`
	Agents        []domain.Agent                  `json:"agents"`
	Cost          domain.Cost                     `json:"cost"`
	Clock         domain.Instant                  `json:"clock"`
	Instance      domain.Instance                 `json:"instance"`
	Sections      map[string]domain.SectionReport `json:"sections"`
}

func (n *Naive) scrape() (*naiveEnvelope, error) {
	now := time.Now().UTC()
	e := &naiveEnvelope{
		SchemaVersion: domain.SchemaVersion,
		GeneratedAt:   now.Truncate(time.Second),
		ClkTck:        clockTicks,
		Clock:         domain.Instant{UnixMS: now.UnixMilli(), BoottimeMS: boottimeMS(), BootID: &n.host.bootID},
		Instance:      n.instance,
		Sections:      map[string]domain.SectionReport{},
	}
	for _, section := range []struct {
		key  string
		read func(*naiveEnvelope) (domain.SectionReport, error)
	}{{domain.KeyStages, n.stages}, {domain.KeyQueue, n.queue}, {domain.KeyAgents, n.agents}, {domain.KeyCost, n.cost}} {
		began := time.Now()
		report, err := section.read(e)
		if err != nil {
			return nil, err
		}
		report.Status, report.DurationMS = domain.StatusOK, float64(time.Since(began).Microseconds())/1000
		e.Sections[section.key] = report
	}
	return e, nil
}
