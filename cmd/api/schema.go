package main

import (
	"io"

	"github.com/orchmetrics/orchmetrics"
)

// schemaCmd prints what /schema serves.
type schemaCmd struct{}

// Run implements the command.
func (schemaCmd) Run(stdout io.Writer, cfg orchmetrics.Config) error {
	schema, err := orchmetrics.InitializeSchema(cfg)
	if err != nil {
		return err //nolint:wrapcheck // says which setting is wrong
	}
	_, err = stdout.Write(schema)
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}
