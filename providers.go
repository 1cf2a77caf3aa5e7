package orchmetrics

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/orchmetrics/orchmetrics/adapters/dropin"
	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
	"github.com/orchmetrics/orchmetrics/adapters/procfs"
	"github.com/orchmetrics/orchmetrics/adapters/prometheus"
	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/adapters/workerstate"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/internal/contract"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Sources is everything the service reads from: [ProductionSources] fills it with
// the adapters of production, package adapters/fixture with literals, and a caller
// with its own.
type Sources = ports.Sources

// Server serves the answers over HTTP: what the injectors return.
type Server = httpapi.Server

// Sections lists the envelope's sections in their order. A section of another
// team is one line here, or one element of Extra. The settings are for those that
// need them.
func Sections(cfg Config, src Sources) []ports.Section {
	running := app.NewRunning(src.Agents)
	return append([]ports.Section{
		app.NewStages(src.Stages),
		app.NewQueue(src.Queue, src.Worker),
		app.NewAgents(running, src.CPU, HostName(cfg)),
		app.NewCost(running, src.Cost),
	}, src.Extra...)
}

func validate(s Sources) error {
	if s.Stages == nil || s.Queue == nil || s.Agents == nil || s.Cost == nil || s.Worker == nil || s.CPU == nil || s.Clock == nil {
		return errors.New("wire service: Stages, Queue, Agents, Cost, Worker, CPU and Clock must all be given")
	}
	return nil
}

// ProductionSources connects every port to the world. Nothing is touched yet. A
// program that embeds the service adds its own sections to Extra, and gives all
// of it to [InitializeServerFrom].
func ProductionSources(cfg Config) (Sources, error) {
	store, err := newStore(cfg)
	if err != nil {
		return Sources{}, err
	}
	return Sources{
		Stages: store,
		Queue:  store,
		Agents: store,
		Cost:   store,
		Worker: workerstate.NewFile(cfg.WorkerStateFile),
		CPU:    procfs.New(cfg.ProcRoot),
		Clock:  procfs.NewClock(cfg.ProcRoot),
		Views:  []ports.Viewer{store},

		Listers: dropIns(cfg),
	}, nil
}

// dropIns lists the sections of a directory, if there is one.
func dropIns(cfg Config) []ports.SectionLister {
	if cfg.SectionsDir == "" {
		return nil
	}
	return []ports.SectionLister{dropin.New(cfg.SectionsDir)}
}

// store is an orchestrator's database, whichever way it is read.
type store interface {
	ports.StageSource
	ports.QueueSource
	ports.AgentSource
	ports.CostSource
	ports.Viewer
}

// newStore returns the store that the settings name: over a profile, or over the schema
// that needs none.
func newStore(cfg Config) (store, error) {
	p, err := LoadProfile(cfg)
	if err != nil {
		return nil, err
	}
	if p != nil {
		opened, _, err := OpenProfile(cfg, p)
		return opened, err
	}
	return newNativeStore(cfg)
}

func newNativeStore(cfg Config) (*sqlstore.Store, error) {
	database, err := OpenDatabase(cfg)
	if err != nil {
		return nil, fmt.Errorf("ORCH_DB: %w", err)
	}
	store, err := sqlstore.New(database, sqlstore.Options{
		MaxRows: cfg.MaxRows,
		Exact:   bool(cfg.Exact),
		Recount: float64(cfg.RecountBudget),
	})
	if err != nil {
		return nil, fmt.Errorf("ORCH_DB: %w", err)
	}
	return store, nil
}

// OpenDatabase returns the engine over the database that ORCH_DB names. Nothing is
// touched yet.
func OpenDatabase(cfg Config) (engine.Engine, error) {
	if postgres.Is(cfg.DB) {
		location := postgres.Location{URL: cfg.DB, PasswordFile: cfg.DBPasswordFile, Untrusted: cfg.Profile != ""}
		return postgres.New(location) //nolint:wrapcheck // the caller says which setting
	}
	return sqlite.New(cfg.DB, cfg.SectionTimeout) //nolint:wrapcheck // the caller says which setting
}

func newService(cfg Config, src Sources, log *slog.Logger) (*app.Service, error) {
	if err := validate(src); err != nil {
		return nil, err
	}
	sections := Sections(cfg, src)
	service, err := app.NewService(sections, src.Views, src.Clock, src.CPU, serviceOptions(cfg, src.Listers, log))
	if err != nil {
		return nil, fmt.Errorf("wire service: %w", err)
	}
	return service, nil
}

func serviceOptions(cfg Config, listers []ports.SectionLister, log *slog.Logger) app.Options {
	return app.Options{
		Enabled:        bool(cfg.MetricsEnabled),
		SectionTimeout: cfg.SectionTimeout,
		Disabled:       cfg.SectionsDisabled,
		Listers:        listers,
		Version:        cfg.Version,
		Exposition:     exposition.New(),
		Logger:         log,
	}
}

func newServer(
	cfg Config, snapshots ports.Snapshotter, text ports.TextWriter, schema contract.Schema, log *slog.Logger,
) (*httpapi.Server, error) {
	served, err := documents(cfg, schema)
	if err != nil {
		return nil, err
	}
	handler, err := httpapi.NewHandler(snapshots, log, httpapi.Documents(served...), httpapi.Text(text))
	if err != nil {
		return nil, fmt.Errorf("wire server: %w", err)
	}
	opts, err := serverOptions(cfg, snapshots, log)
	if err != nil {
		return nil, err
	}
	return httpapi.NewServer(cfg.Listen, handler, cfg.SectionTimeout, log, opts...), nil
}

func serverOptions(cfg Config, snapshots ports.Snapshotter, log *slog.Logger) (opts []httpapi.ServerOption, err error) {
	if cfg.WebConfigFile != "" {
		config, err := guard.ReadWebConfig(cfg.WebConfigFile)
		if err != nil {
			return nil, fmt.Errorf("ORCH_WEB_CONFIG_FILE: %w (docs/operations.md, TLS and passwords, says what it holds)", err)
		}
		opts = append(opts, httpapi.WithWebConfig(config))
	}
	opts = append(opts, httpapi.AllowedHosts(cfg.AllowedHosts...))
	if cfg.SystemdSocket {
		opts = append(opts, httpapi.Activated())
	}
	if cfg.HealthListen != "" {
		opts = append(opts, httpapi.Health(cfg.HealthListen, snapshots, cfg.SectionTimeout, log))
	}
	return opts, nil
}
