package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// Set puts a section's value under its key: a core section's of its own type,
// any other as json.RawMessage. Another type is an error that wraps
// CodeInvalidValue.
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
	if !ok {
		return fmt.Errorf("set section %s to a %T: %w", key, value, CodeInvalidValue)
	}
	return nil
}

// MarshalJSON writes the keys in the order of the contract. A list is never
// null. A section that cannot be encoded is shown as failed and spoils nothing
// else.
func (e Envelope) MarshalJSON() ([]byte, error) {
	var obj object
	obj.add("schema_version", e.SchemaVersion)
	if e.Disabled {
		obj.add("enabled", false)
		return obj.close()
	}
	obj.add("generated_at", e.GeneratedAt)
	obj.add("clk_tck", e.ClkTck)
	reports := maps.Clone(e.Sections)
	for _, section := range e.values() {
		if _, asked := reports[section.key]; !asked {
			continue
		}
		value, err := json.Marshal(section.value)
		if err != nil {
			code := CodeInvalidValue
			reports[section.key] = SectionReport{Status: StatusFailed, Code: &code}
			value, err = json.Marshal(section.fallback)
		}
		obj.addEncoded(section.key, value, err)
	}
	obj.add("clock", e.Clock)
	obj.add("instance", e.Instance)
	obj.add("sections", reports)
	return obj.close()
}

// sectionValue is a section as it is encoded, with what stands for it if it
// cannot be.
type sectionValue struct {
	key      string
	value    any
	fallback any
}

// values returns the sections in the order of the envelope.
func (e Envelope) values() []sectionValue {
	cost := e.Cost
	if cost != nil {
		cost = &Cost{Running: emptyNotNil(cost.Running), Aggregate: cost.Aggregate}
	}
	values := []sectionValue{
		{KeyStages, emptyNotNil(e.Stages), []Stage{}},
		{KeyQueue, e.Queue, nil},
		{KeyAgents, emptyNotNil(e.Agents), []Agent{}},
		{KeyCost, cost, nil},
	}
	for _, extension := range e.Extensions {
		values = append(values, sectionValue{extension.Key, extension.Value, nil})
	}
	return values
}

func emptyNotNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// UnmarshalJSON reads an answer of the service back. Keys that this version
// does not know become Extensions, in their order.
func (e *Envelope) UnmarshalJSON(data []byte) error {
	type plain Envelope // the same fields without these methods
	fields := struct {
		*plain
		Enabled *bool `json:"enabled"`
	}{plain: (*plain)(e)}
	*e = Envelope{}
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("decode envelope: %w", err)
	}
	e.Disabled = fields.Enabled != nil && !*fields.Enabled
	if e.Queue != nil && string(e.Queue.Breaker) == "null" {
		e.Queue.Breaker = nil
	}

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
		if name, ok := key.(string); ok && !Reserved(name) && !Core(name) {
			e.Extensions = append(e.Extensions, Extension{Key: name, Value: value})
		}
	}
	return nil
}

// object builds a JSON object whose keys keep their order. The first error
// wins and is returned by close.
type object struct {
	buf bytes.Buffer
	err error
}

func (o *object) add(key string, value any) {
	encoded, err := json.Marshal(value)
	o.addEncoded(key, encoded, err)
}

func (o *object) addEncoded(key string, encoded []byte, err error) {
	name, nameErr := json.Marshal(key)
	if err = errors.Join(err, nameErr); err != nil {
		if o.err == nil {
			o.err = fmt.Errorf("encode %s: %w", key, err)
		}
		return
	}
	if o.buf.Len() == 0 {
		o.buf.WriteByte('{')
	} else {
		o.buf.WriteByte(',')
	}
	o.buf.Write(name)
	o.buf.WriteByte(':')
	o.buf.Write(encoded)
}

func (o *object) close() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	if o.buf.Len() == 0 {
		o.buf.WriteByte('{')
	}
	o.buf.WriteByte('}')
	return o.buf.Bytes(), nil
}
