// Package orchmetrics wires the service together.
//
// The map of the house, from the inside out:
//
//	domain     the envelope and its values: what is shown, in which units
//	ports      what is needed (sources, sections, clock) and offered (Snapshotter)
//	internal   app assembles the envelope: one file per core section; isolation
//	adapters   sqlstore (the orchestrator's database), procfs (/proc),
//	           workerstate (the worker's snapshot), http (routes and server),
//	           dropin (sections from files), fixture (literals for tests), replay
//	           (a recording played back), prometheus (the envelope as metrics)
//	contract   the answer's JSON Schema, its generator and its gate; docs embeds it
//	cmd/api    the program: serve, snapshot, record, fixtures, demo, version
//	demo       an orchestrator in miniature, for `api demo` and for tests
//
// A program that embeds the service takes [DefaultConfig] and [ProductionSources],
// adds to them and gives them to [InitializeServerFrom]; a test gives it those of
// adapters/fixture. A team that adds a section adds a line to [Sections], or
// passes it in [Sources].Extra.
package orchmetrics
