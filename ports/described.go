package ports

import "encoding/json"

// Described is a section that says what its value looks like. /schema shows it
// under the section's key.
type Described interface {
	// Schema returns a JSON Schema (draft 2020-12) of the value. It is asked once.
	// The section's default need not be part of it: that is always allowed, since
	// the envelope shows it when the section fails.
	Schema() json.RawMessage
}
