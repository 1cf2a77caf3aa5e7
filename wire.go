//go:build wireinject

package orchmetrics

import (
	"github.com/google/wire"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/app"
	"github.com/orchmetrics/orchmetrics/ports"
)

// InitializeServer returns the server over the production adapters.
func InitializeServer(cfg Config) (*httpapi.Server, error) {
	panic(wire.Build(newLogger, newStore, productionSources, newService, newServer,
		wire.Bind(new(ports.Snapshotter), new(*app.Service))))
}

// InitializeServerFrom returns the server over the caller's sources, for tests
// and for programs that embed the service.
func InitializeServerFrom(cfg Config, src Sources) (*httpapi.Server, error) {
	panic(wire.Build(newLogger, newService, newServer,
		wire.Bind(new(ports.Snapshotter), new(*app.Service))))
}

// InitializeSnapshotter returns the service over the production adapters,
// without a server.
func InitializeSnapshotter(cfg Config) (ports.Snapshotter, error) {
	panic(wire.Build(newLogger, newStore, productionSources, newService,
		wire.Bind(new(ports.Snapshotter), new(*app.Service))))
}
