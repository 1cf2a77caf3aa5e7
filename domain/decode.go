package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

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
