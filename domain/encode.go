package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
)

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

// MarshalJSON writes the keys in the order of the contract. A list is never
// null. A section that cannot be encoded is shown as failed and spoils nothing
// else.
func (e Envelope) MarshalJSON() ([]byte, error) {
	const aStage, anAgent, others = 160, 640, 4096 // bytes, at a guess
	room := aStage*len(e.Stages) + anAgent*len(e.Agents) + others
	for _, extension := range e.Extensions {
		room += len(extension.Value)
	}
	dst := append(make([]byte, 0, room), '{')
	if e.Disabled {
		dst, err := appendMembers(dst, struct {
			SchemaVersion int  `json:"schema_version"`
			Enabled       bool `json:"enabled"`
		}{e.SchemaVersion, false})
		return append(dst, '}'), err
	}
	dst, headErr := appendMembers(dst, struct {
		SchemaVersion int       `json:"schema_version"`
		GeneratedAt   time.Time `json:"generated_at"`
		ClkTck        *int64    `json:"clk_tck"`
	}{e.SchemaVersion, e.GeneratedAt, e.ClkTck})
	reports := make(map[string]SectionReport, len(e.Sections))
	maps.Copy(reports, e.Sections)
	for _, section := range e.values() {
		if _, asked := reports[section.key]; !asked {
			continue
		}
		dst = append(appendText(append(dst, ','), &section.key), ':')
		if appended, err := section.appendTo(dst); err == nil {
			dst = appended
			continue
		}
		code := CodeInvalidValue
		reports[section.key] = SectionReport{Status: StatusFailed, Code: &code}
		dst = append(dst, section.fallback...)
	}
	dst, tailErr := appendMembers(append(dst, ','), struct {
		Clock    Instant                  `json:"clock"`
		Instance Instance                 `json:"instance"`
		Sections map[string]SectionReport `json:"sections"`
	}{e.Clock, e.Instance, reports})
	return append(dst, '}'), errors.Join(headErr, tailErr)
}

// appendMembers writes the members of an object without its braces.
func appendMembers(dst []byte, object any) ([]byte, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return dst, fmt.Errorf("encode envelope: %w", err)
	}
	return append(dst, encoded[1:len(encoded)-1]...), nil
}

// sectionValue is a section as it is encoded, with what stands for it if it
// cannot be.
type sectionValue struct {
	key      string
	value    any
	fallback string
}

// values returns the sections in the order of the envelope.
func (e Envelope) values() []sectionValue {
	cost := e.Cost
	if cost != nil {
		cost = &Cost{Running: orEmpty(cost.Running), Aggregate: cost.Aggregate, ByModel: orEmpty(cost.ByModel)}
	}
	values := []sectionValue{
		{KeyStages, e.Stages, "[]"},
		{KeyQueue, e.Queue, "null"},
		{KeyAgents, e.Agents, "[]"},
		{KeyCost, cost, "null"},
	}
	for _, extension := range e.Extensions {
		values = append(values, sectionValue{extension.Key, extension.Value, "null"})
	}
	return values
}

// orEmpty is the list, and an empty one for nil.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s sectionValue) appendTo(dst []byte) ([]byte, error) {
	switch list := s.value.(type) {
	case []Stage:
		if appended, ok := appendList(dst, list, appendStage); ok {
			return appended, nil
		}
	case []Agent:
		if appended, ok := appendList(dst, list, appendAgent); ok {
			return appended, nil
		}
	}
	value, err := Encode(s.value)
	if err != nil {
		return nil, err
	}
	if depthOf(value) > maxDepth {
		return nil, fmt.Errorf("encode: nested too deep: %w", CodeInvalidValue)
	}
	return append(dst, validUTF8(value)...), nil
}

// UnmarshalJSON reads an answer of the service back. Keys that this version
// does not know become Extensions, as they are and in their order.
func (e *Envelope) UnmarshalJSON(data []byte) error {
	*e = Envelope{}
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return errors.Join(errors.New("decode envelope: not an object"), err)
	}
	for dec.More() {
		var value json.RawMessage
		key, err := dec.Token()
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return fmt.Errorf("decode envelope: %w", err)
		}
		name := fmt.Sprint(key) // a key is a string
		if err := e.decode(name, value); err != nil {
			return fmt.Errorf("decode envelope: %s: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("decode envelope: %w", err)
	}
	return nil
}

// decode reads the value of one key. encoding/json would take a key in another
// case for one of ours.
func (e *Envelope) decode(key string, value json.RawMessage) error {
	switch key {
	case "schema_version":
		return decode(value, &e.SchemaVersion)
	case "enabled":
		enabled := true
		err := decode(value, &enabled)
		e.Disabled = !enabled
		return err
	case "generated_at":
		return decode(value, &e.GeneratedAt)
	case "clk_tck":
		return decode(value, &e.ClkTck)
	case KeyStages:
		return decode(value, &e.Stages)
	case KeyQueue:
		err := decode(value, &e.Queue)
		if e.Queue != nil && string(e.Queue.Breaker) == "null" {
			e.Queue.Breaker = nil
		}
		return err
	case KeyAgents:
		return decode(value, &e.Agents)
	case KeyCost:
		return decode(value, &e.Cost)
	case "clock":
		return decode(value, &e.Clock)
	case "instance":
		return decode(value, &e.Instance)
	case "sections":
		return decode(value, &e.Sections)
	default:
		e.Extensions = append(e.Extensions, Extension{Key: key, Value: value})
		return nil
	}
}

// decode reads into a fresh value: of a key that comes twice the last counts.
func decode[T any](encoded json.RawMessage, target *T) error {
	var value T
	err := json.Unmarshal(encoded, &value)
	*target = value
	return err //nolint:wrapcheck // the caller says which key
}
