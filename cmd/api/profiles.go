package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/internal/doctor"
)

// profilesCmd are the commands about profiles.
type profilesCmd struct {
	List   profilesListCmd   `cmd:"" default:"1" help:"List the profiles that come with the program (the default)."`
	Show   profilesShowCmd   `cmd:"" help:"Print one of them, to begin one of your own with."`
	Check  profilesCheckCmd  `cmd:"" help:"Run each query of a profile once, and say what it does."`
	Schema profilesSchemaCmd `cmd:"" help:"Print the JSON Schema of profiles, by which editors complete them."`
}

type profilesListCmd struct{}

// Run implements the command.
func (profilesListCmd) Run(stdout io.Writer) error {
	for _, p := range orchmetrics.Profiles() {
		if _, err := fmt.Fprintf(stdout, "%-18s %s\n", p.Name, p.About); err != nil {
			return err //nolint:wrapcheck // a closed standard output speaks for itself
		}
	}
	return nil
}

type profilesShowCmd struct {
	Name string `arg:"" help:"Its name, as api profiles lists it."`
}

// Run implements the command.
func (s profilesShowCmd) Run(stdout io.Writer) error {
	text, err := orchmetrics.ProfileText(s.Name)
	if err != nil {
		return err //nolint:wrapcheck // names those that there are
	}
	_, err = stdout.Write(text)
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}

type profilesCheckCmd struct {
	Name string `arg:"" optional:"" help:"Its name, or the path of a file. Unset: that of ORCH_PROFILE."`
}

// Help is what --help says besides.
func (profilesCheckCmd) Help() string {
	return "Says of each query how long it took, what its plan reads in full, which columns it does not return, " +
		"and shows its first row as it is read. It changes nothing. Exit status: 2 if a query cannot be run, else 0."
}

// Run implements the command.
func (c profilesCheckCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	if c.Name != "" {
		cfg.Profile = c.Name
	}
	if cfg.Profile == "" {
		return errors.New("no profile is named; write its name or path behind check, " +
			"or set ORCH_PROFILE (api profiles lists those that there are)")
	}
	well, err := doctor.CheckProfile(ctx, stdout, cfg)
	if err != nil {
		return err //nolint:wrapcheck // says what is wrong with the profile
	}
	if !well {
		return errUnwell
	}
	return nil
}

type profilesSchemaCmd struct{}

// Run implements the command.
func (profilesSchemaCmd) Run(stdout io.Writer) error {
	schema, err := orchmetrics.ProfileSchema()
	if err != nil {
		return err //nolint:wrapcheck // a bug of the program
	}
	_, err = stdout.Write(schema)
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}
