// Package domain holds the /metrics envelope and its values: what is shown,
// in which units, and what null means. It imports the standard library only,
// so that a Go reader of the answer needs nothing else.
//
// Everywhere a nil pointer is null on the wire and means "unknown", never zero.
package domain

import (
	"encoding/json"
	"fmt"
	"time"
)

// SchemaVersion is the version of the envelope. It rises only when an existing
// field is renamed, removed, retyped or changes meaning.
const SchemaVersion = 1

// Keys of the core sections, in the order of the envelope.
const (
	KeyStages = "stages"
	KeyQueue  = "queue"
	KeyAgents = "agents"
	KeyCost   = "cost"
)

// Envelope is one answer of the service: what is going on at one instant.
//
// A section's key is on the wire exactly if Sections holds a report for it; an
// answer narrowed to some sections has only those.
type Envelope struct {
	// SchemaVersion is always 1 for this type.
	SchemaVersion int `json:"schema_version"`
	// Disabled is true for the kill-switch answer, which has no other content.
	Disabled bool `json:"-"`
	// GeneratedAt is the instant of the scrape, UTC, in whole seconds. Every age
	// in the envelope is counted to it.
	GeneratedAt time.Time `json:"generated_at"`
	// ClkTck is the number of clock ticks in a second, the unit of every field
	// whose name ends in cpu_ticks; null where the platform has none.
	ClkTck *int64 `json:"clk_tck"`
	// Stages has one entry per active task, by task id; empty on failure.
	Stages []Stage `json:"stages"`
	// Queue is null only if the section fails as a whole.
	Queue *Queue `json:"queue"`
	// Agents has one entry per running job, by job id; empty on failure.
	Agents []Agent `json:"agents"`
	// Cost is null only if the section fails as a whole.
	Cost *Cost `json:"cost"`
	// Extensions are the sections of other teams, in their order, each under its
	// own key of the envelope.
	Extensions []Extension `json:"-"`
	// Clock is the scrape's instant as a machine wants it.
	Clock Instant `json:"clock"`
	// Instance says which process of the service answered.
	Instance Instance `json:"instance"`
	// Sections says of each section how its reading went.
	Sections map[string]SectionReport `json:"sections"`
}

// Extension is the value of one section that is not part of the core.
type Extension struct {
	Key   string
	Value json.RawMessage
}

// Instant is one moment as both clocks of the host saw it.
type Instant struct {
	// UnixMS is the wall clock in milliseconds since 1970-01-01 UTC.
	UnixMS int64 `json:"unix_ms"`
	// BoottimeMS is CLOCK_BOOTTIME in milliseconds, which wall-clock steps do not
	// touch; null where the platform has none. See clock_gettime(2).
	BoottimeMS *int64 `json:"boottime_ms"`
	// BootID names the host's current boot, within which BoottimeMS compares;
	// null where unknown.
	BootID *string `json:"boot_id"`
}

// Time is the instant in UTC, cut to whole seconds, as generated_at shows it.
func (i Instant) Time() time.Time {
	return time.UnixMilli(i.UnixMS).UTC().Truncate(time.Second)
}

// Instance identifies one run of the service, so that a reader sees a restart.
type Instance struct {
	// ID is random for each start of the process.
	ID string `json:"id"`
	// StartedAt is when the process started, UTC, in whole seconds.
	StartedAt time.Time `json:"started_at"`
	// Version is the build's version.
	Version string `json:"version"`
}

// Reserved tells whether the envelope uses the key itself, so that no section
// may have it.
func Reserved(key string) bool {
	switch key {
	case "schema_version", "enabled", "generated_at", "clk_tck", "clock", "instance", "sections":
		return true
	default:
		return false
	}
}

// CoreKeys returns the keys of the core sections, in the order of the envelope.
func CoreKeys() []string { return []string{KeyStages, KeyQueue, KeyAgents, KeyCost} }

// Core tells whether the key is that of a core section, whose value has a field
// and a type of its own in Envelope.
func Core(key string) bool {
	switch key {
	case KeyStages, KeyQueue, KeyAgents, KeyCost:
		return true
	default:
		return false
	}
}

// Set puts a section's value under its key: a core section's of its own type or
// nil, any other as json.RawMessage. Another type is an error that wraps
// CodeInvalidValue, and leaves the section empty.
func (e *Envelope) Set(key string, value any) error {
	var ok bool
	switch key {
	case KeyStages:
		e.Stages, ok = value.([]Stage)
	case KeyQueue:
		e.Queue, ok = value.(*Queue)
	case KeyAgents:
		e.Agents, ok = value.([]Agent)
	case KeyCost:
		e.Cost, ok = value.(*Cost)
	default:
		var raw json.RawMessage
		raw, ok = value.(json.RawMessage)
		e.Extensions = append(e.Extensions, Extension{Key: key, Value: raw})
	}
	if !ok && (value != nil || !Core(key)) {
		return fmt.Errorf("set section %s to a %T: %w", key, value, CodeInvalidValue)
	}
	return nil
}
