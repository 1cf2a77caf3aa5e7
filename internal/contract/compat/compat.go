// Package compat is the gate between a released schema and the next one: what a
// reader of the released answers may rely on stays as it is, or schema_version
// rises.
//
// It knows the keywords that this project's schemas use. A change of any other
// keyword fails too, since nobody has judged it.
package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrBreaking is wrapped by the error for changes that break readers.
var ErrBreaking = errors.New("the envelope changes in a way that breaks its readers")

// Check returns an error that names every change from the released schema to the
// next that breaks a reader. Additions pass, and so does everything once
// schema_version has risen.
func Check(released, next []byte) error {
	var before, after schema
	if err := json.Unmarshal(released, &before); err != nil {
		return fmt.Errorf("read the released schema: %w", err)
	}
	if err := json.Unmarshal(next, &after); err != nil {
		return fmt.Errorf("read the next schema: %w", err)
	}
	was, is := version(before), version(after)
	if is > was {
		return nil
	}
	c := comparison{before: before, after: after, seen: map[[2]string]bool{}}
	if is < was {
		c.breakf("schema_version", "fell from %v to %v", was, is)
	}
	c.schemas("", before, after)
	if len(c.found) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n  %s\nkeep what is there and add beside it, or raise domain.SchemaVersion (see CONTRIBUTING.md)",
		ErrBreaking, strings.Join(c.found, "\n  "))
}

// version is the constant of schema_version; 0 if there is none.
func version(s schema) float64 {
	number, _ := sub(s.sub("properties"), "schema_version")["const"].(float64)
	return number
}
