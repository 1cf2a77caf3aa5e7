//go:build wireinject

package orchmetrics

import (
	"github.com/google/wire"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/internal/contract"
	"github.com/orchmetrics/orchmetrics/ports"
)

// InitializeServer returns the server over the production adapters.
func InitializeServer(cfg Config) (*httpapi.Server, error) {
	panic(wire.Build(newLogger, ProductionSources, newService, newSchema, newServer,
		wire.Bind(new(ports.Snapshotter), new(*app.Service)), wire.Bind(new(ports.TextWriter), new(*app.Service))))
}

// InitializeServerFrom returns the server over the caller's sources, for tests
// and for programs that embed the service.
func InitializeServerFrom(cfg Config, src Sources) (*httpapi.Server, error) {
	panic(wire.Build(newLogger, newService, newSchema, newServer,
		wire.Bind(new(ports.Snapshotter), new(*app.Service)), wire.Bind(new(ports.TextWriter), new(*app.Service))))
}

// InitializeReplay returns the server that plays a fixture, with the drop-ins and
// sections in Go that are beside it.
func InitializeReplay(cfg Config, fixture Fixture) (*httpapi.Server, error) {
	panic(wire.Build(newLogger, newReplayed, wire.FieldsOf(new(replayed), "Snapshots", "Live"), newSchema, newServer,
		wire.Bind(new(ports.TextWriter), new(*app.Service))))
}

// InitializeSnapshotter returns the service over the production adapters,
// without a server.
func InitializeSnapshotter(cfg Config) (ports.Snapshotter, error) {
	panic(wire.Build(newLogger, ProductionSources, newService,
		wire.Bind(new(ports.Snapshotter), new(*app.Service))))
}

// InitializeSchema returns the JSON Schema of the envelope, with the production
// sections in it.
func InitializeSchema(cfg Config) (contract.Schema, error) {
	panic(wire.Build(newLogger, ProductionSources, newService, newSchema))
}
