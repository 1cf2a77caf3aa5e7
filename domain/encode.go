package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// coreKeys are the keys of the envelope that no extension may use.
var coreKeys = map[string]bool{
	"schema_version": true, "enabled": true, "generated_at": true, "clk_tck": true,
	KeyStages: true, KeyQueue: true, KeyAgents: true, KeyCost: true,
	"clock": true, "instance": true, "sections": true,
}

// Reserved tells whether an extension section may not use the key.
func Reserved(key string) bool { return coreKeys[key] }

// MarshalJSON writes the keys in the order of the contract. A list is never
// null.
func (e Envelope) MarshalJSON() ([]byte, error) {
	var obj object
	obj.add("schema_version", e.SchemaVersion)
	if e.Disabled {
		obj.add("enabled", false)
		return obj.close()
	}
	obj.add("generated_at", e.GeneratedAt)
	obj.add("clk_tck", e.ClkTck)
	for _, section := range e.core() {
		if _, asked := e.Sections[section.key]; asked {
			obj.add(section.key, section.value)
		}
	}
	for _, extension := range e.Extensions {
		obj.add(extension.Key, extension.Value)
	}
	obj.add("clock", e.Clock)
	obj.add("instance", e.Instance)
	obj.add("sections", e.Sections)
	return obj.close()
}

type coreSection struct {
	key   string
	value any
}

func (e Envelope) core() [4]coreSection {
	cost := e.Cost
	if cost != nil {
		cost = &Cost{Running: emptyNotNil(cost.Running), Aggregate: cost.Aggregate}
	}
	return [4]coreSection{
		{KeyStages, emptyNotNil(e.Stages)},
		{KeyQueue, e.Queue},
		{KeyAgents, emptyNotNil(e.Agents)},
		{KeyCost, cost},
	}
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
		if name, ok := key.(string); ok && !Reserved(name) {
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
	if o.err != nil {
		return
	}
	name, err := json.Marshal(key)
	if err != nil {
		o.err = err
		return
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		o.err = fmt.Errorf("encode %s: %w", key, err)
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
