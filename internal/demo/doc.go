// Package demo is an orchestrator in miniature: a temporary SQLite database in
// the orchestrator's schema with believable history, a writer that keeps it
// moving, and real agent processes for the running jobs to point at.
//
// [StartMiniature] plays one of those that a profile reads; miniatures/ says how each of
// them keeps what happens, in SQLite files or on a PostgreSQL server.
//
// It plays the other side, so it shares nothing with the reader: what the
// service understands of it is what it would understand of the real thing.
//
// The agents are this very binary, started again with a mark in the
// environment. A program that calls [Start] therefore calls [RunAgent] before
// anything else:
//
//	func main() {
//		if demo.RunAgent() {
//			return
//		}
//		…
//	}
//
// No agent outlives the demo, however it ends: see spawn.go.
package demo
