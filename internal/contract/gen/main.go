// Command gen writes the JSON Schema of the envelope, made from the types and the
// comments of package domain, to standard output. With -released it compares that
// schema with a released one instead. Run it in the module's root.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/orchmetrics/orchmetrics/internal/contract/compat"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	released := flags.String("released", "", "compare with the schema in this `FILE`")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the command line: %w", err)
	}
	schema, err := generate("domain")
	if err != nil {
		return err
	}
	if *released == "" {
		_, err = stdout.Write(schema)
		return err
	}
	before, err := os.ReadFile(*released)
	if err != nil {
		return fmt.Errorf("read the released schema: %w", err)
	}
	return compat.Check(before, schema) //nolint:wrapcheck // says what breaks and what to do
}
