package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShowsPassword(t *testing.T) {
	t.Parallel()
	for arg, shows := range map[string]bool{
		"--db=postgres://user:secret@host/db":      true,
		"postgresql://user:secret@host/db":         true,
		"--postgres=postgres://u@h/d?password=x":   true,
		"--postgres=postgres://us er:secret@h/d":   true, // what cannot be read may have one
		"--postgres=postgres://user@host:5432/db":  false,
		"--db=postgres://":                         false,
		"--db=/var/lib/postgres/orchestrator.db":   false,
		"--db-password-file=/run/secrets/postgres": false,
	} {
		assert.Equal(t, shows, showsPassword(arg), arg)
	}
}

// TestForPeople_OneLine: some errors come on several lines, set in, such as that of a
// PostgreSQL server that has two addresses.
func TestForPeople_OneLine(t *testing.T) {
	assert.Equal(t, "connect: ; refused; refused", forPeople(errors.New("connect: \n\trefused\n\trefused")))
}
