// Package contracttest checks in tests that an answer of the service, or what
// stands in for one, is what its JSON Schema says.
package contracttest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orchmetrics/orchmetrics/internal/contract"
)

// core compiles the committed schema once for all tests of a program.
//
//nolint:gochecknoglobals // it is a constant that takes a while
var core = sync.OnceValues(func() (*jsonschema.Schema, error) {
	schema, err := contract.New(nil, nil)
	if err != nil {
		return nil, err
	}
	return compile(schema)
})

// Validate fails the test unless the body is an answer of /metrics. The sections
// of other teams may be anything.
func Validate(tb testing.TB, body []byte) {
	tb.Helper()
	if err := Check(body); err != nil {
		tb.Fatal(err)
	}
}

// Check returns why the body is no answer of /metrics.
func Check(body []byte) error {
	schema, err := core()
	if err != nil {
		return err
	}
	return check(schema, body)
}

// CheckAgainst returns why the body is not what a schema says, such as that of
// /schema in a program with sections of its own.
func CheckAgainst(schema, body []byte) error {
	compiled, err := compile(schema)
	if err != nil {
		return err
	}
	return check(compiled, body)
}

func compile(text []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	const name = "urn:orchmetrics:schema" // no file: a message shall not show where the test runs
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat() // times are part of the contract
	if err := compiler.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("add schema: %w", err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	return schema, nil
}

func check(schema *jsonschema.Schema, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("the answer is not what the contract says: %w", err)
	}
	return nil
}
