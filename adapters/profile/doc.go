// Package profile reads any orchestrator's state: a profile, a file of YAML, says in
// SQL where it is kept. It knows no table and no engine, but what a profile may hold
// (format.go), and how what its queries return becomes what the envelope shows.
//
// Some profiles come with the program, see [Builtin].
package profile
