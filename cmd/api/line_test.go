package main

import (
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
