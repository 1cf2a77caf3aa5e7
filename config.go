package orchmetrics

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
	"github.com/orchmetrics/orchmetrics/internal/page"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
)

// Config is every setting of the service. The tags are read by the command line,
// which has a flag for each environment variable. What a setting is about, its
// group, decides for which commands it means anything; values says which are
// allowed, in its help and in the error if another one is given.
type Config struct {
	MetricsEnabled   Switch        `group:"sections" env:"ORCH_METRICS_ENABLED" default:"true" help:"Kill switch: --metrics-enabled=off answers {\"schema_version\":1,\"enabled\":false} and touches no source."`
	Listen           string        `group:"serving" aliases:"web.listen-address" env:"ORCH_LISTEN" default:"127.0.0.1:9099" placeholder:"ADDRESS" help:"Where to serve: host:port, or unix:/path/metrics.sock. Also --web.listen-address, as exporters have it."`
	SystemdSocket    Switch        `group:"serving" name:"web.systemd-socket" aliases:"systemd-socket" env:"ORCH_SYSTEMD_SOCKET" default:"false" help:"Serve on the socket that systemd passes, instead of on ORCH_LISTEN."`
	HealthListen     string        `group:"serving" env:"ORCH_HEALTH_LISTEN" placeholder:"ADDRESS" help:"Where to serve /livez and /readyz besides, without TLS and password: host:port, or unix:/path/health.sock. Unset: nowhere."`
	WebConfigFile    string        `group:"serving" name:"web.config.file" aliases:"web-config-file" env:"ORCH_WEB_CONFIG_FILE" placeholder:"PATH" help:"TLS and passwords, in the form of Prometheus's exporter toolkit. Unset: neither."`
	AllowedHosts     []string      `group:"serving" env:"ORCH_ALLOWED_HOSTS" sep:"," placeholder:"NAME" help:"Names by which the service may be asked besides its own; *.example.org for all below it, * for all."`
	LinkTemplate     string        `group:"serving" env:"ORCH_LINK_TEMPLATE" placeholder:"URL" help:"Where the page finds a ticket, such as https://tracker.example/browse/{work_item}. Unset: tickets are no links."`
	DB               string        `group:"database" name:"db" env:"ORCH_DB" default:"orchestrator.db" placeholder:"PATH" help:"The orchestrator's database: the path or file: URI of one of SQLite, or postgres://user@host/database, of which the variables of libpq give what is left out. It is only ever read. With a profile, unset: where that says."`
	Profile          string        `group:"database" env:"ORCH_PROFILE" placeholder:"NAME" help:"How the orchestrator keeps its state: a profile that comes with the program (api profiles lists them), or the path of a file. Unset: as docs/contract.md says."`
	DBPasswordFile   string        `group:"database" name:"db-password-file" env:"ORCH_DB_PASSWORD_FILE" placeholder:"PATH" help:"A file that holds the password for PostgreSQL, read at each connection. Unset: PGPASSWORD or .pgpass."`
	WorkerStateFile  string        `group:"database" env:"ORCH_WORKER_STATE_FILE" placeholder:"PATH" help:"The worker's snapshot as JSON. Unset: the worker's fields are null."`
	Host             string        `group:"reading" env:"ORCH_HOST" placeholder:"NAME" help:"The name of this host, as the orchestrator writes it: the process of a job of another host is not looked up. Unset: the name that the system has."`
	ProcRoot         string        `group:"reading" env:"ORCH_PROC_ROOT" default:"/proc" placeholder:"DIR" help:"Where the proc file system is mounted."`
	SectionTimeout   time.Duration `group:"sections" env:"ORCH_SECTION_TIMEOUT" default:"2s" values:"more than 0, at most 1m" placeholder:"DURATION" help:"How long a section may take before it is given up."`
	SectionsDisabled []string      `group:"sections" env:"ORCH_SECTIONS_DISABLED" sep:"," placeholder:"KEY" help:"Sections that are not asked."`
	SectionsDir      string        `group:"sections" env:"ORCH_SECTIONS_DIR" placeholder:"DIR" help:"A directory of KEY.json files, each of which is a section. Unset: there are none."`
	MaxRows          int           `group:"reading" env:"ORCH_MAX_ROWS" default:"10000" values:"1 to 1000000" placeholder:"N" help:"Where a section's list is cut."`
	Exact            Switch        `group:"reading" env:"ORCH_EXACT" default:"false" help:"Read everything again at every scrape, instead of keeping sums of what has ended."`
	RecountBudget    Percent       `group:"reading" env:"ORCH_RECOUNT_BUDGET" default:"1%" values:"0% to 100%" placeholder:"PERCENT" help:"Share of a core that reading old rows again may take, to find those changed by hand."`
	LogLevel         slog.Level    `group:"log" env:"ORCH_LOG_LEVEL" default:"info" values:"debug, info, warn or error" placeholder:"LEVEL" help:"What is worth a line of the log, which goes to standard error."`
	LogFormat        string        `group:"log" env:"ORCH_LOG_FORMAT" default:"text" enum:"text,json" placeholder:"FORMAT" help:"The form of the log."`

	// Version is shown in the envelope's instance; it is not a setting.
	Version string `kong:"-"`
	// Logger is where the service logs to, for a program that embeds it; nil is
	// standard error, as LogLevel and LogFormat say. Answers wait for a Logger that
	// blocks; those of NewLogger do not.
	Logger *slog.Logger `kong:"-"`
}

// defaultDB is where the database is if nothing says where.
const defaultDB = "orchestrator.db"

// DefaultConfig returns what the settings are where nothing is set, for a program
// that embeds the service: the zero Config is switched off.
func DefaultConfig() Config {
	return Config{
		MetricsEnabled: true,
		Listen:         "127.0.0.1:9099",
		DB:             defaultDB,
		ProcRoot:       "/proc",
		SectionTimeout: 2 * time.Second,
		MaxRows:        10_000,
		RecountBudget:  0.01,
		LogFormat:      "text",
	}
}

// Validate tells what is wrong with the settings, naming the variable to change.
func (c Config) Validate() error {
	switch {
	case c.Listen == "":
		return errors.New("ORCH_LISTEN is empty; write host:port")
	case !bool(c.SystemdSocket) && !isAddress(c.Listen):
		return fmt.Errorf("ORCH_LISTEN is %q; write host:port, such as 127.0.0.1:9099, or unix:/path", c.Listen)
	case c.HealthListen != "" && !isAddress(c.HealthListen):
		return fmt.Errorf("ORCH_HEALTH_LISTEN is %q; write host:port, such as 127.0.0.1:9098, or unix:/path", c.HealthListen)
	case c.HealthListen == c.Listen && !bool(c.SystemdSocket) && !strings.HasSuffix(c.Listen, ":0"):
		return errors.New("ORCH_HEALTH_LISTEN and ORCH_LISTEN are the same; leave the former unset, since its paths are on both, or change one")
	case c.ProcRoot == "":
		return errors.New("ORCH_PROC_ROOT is empty; write the directory where proc is mounted")
	case c.SectionTimeout <= 0 || c.SectionTimeout > time.Minute:
		return fmt.Errorf("ORCH_SECTION_TIMEOUT is %s; it must be more than 0 and at most 1m", c.SectionTimeout)
	case c.MaxRows < 1 || c.MaxRows > 1_000_000:
		return fmt.Errorf("ORCH_MAX_ROWS is %d; it must be between 1 and 1000000", c.MaxRows)
	}
	if c.LinkTemplate != "" {
		if err := page.ValidateLinkTemplate(c.LinkTemplate); err != nil {
			return fmt.Errorf("ORCH_LINK_TEMPLATE: %w; write one such as https://tracker.example/browse/{work_item}", err)
		}
	}
	if c.DBPasswordFile != "" && !postgres.Is(c.DB) && c.Profile == "" {
		return errors.New("ORCH_DB_PASSWORD_FILE is set and ORCH_DB is no postgres:// URL; " +
			"an SQLite database has no password, so unset one of them")
	}
	for _, name := range c.AllowedHosts {
		if err := guard.ValidateHost(name); err != nil {
			return fmt.Errorf("ORCH_ALLOWED_HOSTS: %w", err)
		}
	}
	return nil
}

// isAddress tells whether an address has the form of one to listen on.
func isAddress(text string) bool {
	_, _, err := net.SplitHostPort(text)
	return err == nil || strings.HasPrefix(text, unixPrefix)
}

// Switch is a setting that is on or off.
type Switch bool

// UnmarshalText accepts 1, true, t, yes, y, on and 0, false, f, no, n, off, in
// any case, and nothing else: a misspelt kill switch must not be taken for "on".
func (s *Switch) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "1", "true", "t", "yes", "y", "on":
		*s = true
	case "0", "false", "f", "no", "n", "off":
		*s = false
	default:
		return fmt.Errorf("%q is neither on nor off; write one of 1, true, t, yes, y, on, 0, false, f, no, n, off", text)
	}
	return nil
}

// Percent is a setting that is a share, between 0 and 1.
type Percent float64

// UnmarshalText accepts a number from 0 to 100, with or without a percent sign.
func (p *Percent) UnmarshalText(text []byte) error {
	number, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || !(number >= 0 && number <= 100) {
		return fmt.Errorf("%q is not a percentage; write a number from 0 to 100, such as 1%%", text)
	}
	*p = Percent(number / 100)
	return nil
}
