package demo

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Miniatures of other orchestrators: one file each says how it keeps what happens.
//
//go:embed miniatures
var miniatures embed.FS

// Where an orchestrator keeps its tables.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// What happens to a task.
const (
	eventAdd    = "add"
	eventStart  = "start"
	eventDone   = "done"
	eventFailed = "failed"
)

// script is how an orchestrator keeps what happens: statements by the event, whose
// parameters are those of moment, written as @name.
type script struct {
	file     string            // of its database, in SQLite
	attached map[string]string // other files by the name under which the statements know them
	schema   string
	events   map[string]string
	// final is set if a task that failed is not tried again.
	final bool
	// pids is set if it keeps pids.
	pids bool
}

// Profiles returns the profiles of which there is a miniature that keeps its tables in
// SQLite or Postgres, in order.
func Profiles(engine string) (names []string) {
	files, _ := miniatures.ReadDir("miniatures/" + engine) // which is embedded
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), ".sql"))
	}
	return names
}

// findScript returns the text of a profile's script, if it can be played where the tables
// are to be.
func findScript(profile, engine string) ([]byte, error) {
	text, err := miniatures.ReadFile("miniatures/" + engine + "/" + profile + ".sql")
	switch {
	case err == nil:
		return text, nil
	case slices.Contains(Profiles(Postgres), profile):
		return nil, fmt.Errorf("%s keeps its tables in PostgreSQL; add --postgres URL, such as postgres://user@host/database", profile)
	case slices.Contains(Profiles(SQLite), profile):
		return nil, fmt.Errorf("%s keeps its tables in SQLite; leave --postgres out", profile)
	default:
		return nil, fmt.Errorf("there is no miniature of %q; there are %s, and with --postgres %s",
			profile, strings.Join(Profiles(SQLite), ", "), strings.Join(Profiles(Postgres), ", "))
	}
}

// readScript reads the script of a profile. A line of three dashes begins a part of it.
func readScript(profile, engine string) (*script, error) {
	text, err := findScript(profile, engine)
	if err != nil {
		return nil, err
	}
	s := &script{attached: map[string]string{}, events: map[string]string{}, pids: bytes.Contains(text, []byte("@pid"))}
	for _, part := range strings.Split(string(text), "\n--- ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		words := strings.Fields(head)
		switch words[0] {
		case "files":
			s.file = words[1]
			for _, other := range words[2:] {
				name, file, _ := strings.Cut(other, "=")
				s.attached[name] = file
			}
		case "schema":
			s.schema = body
		case "ends-when-failed":
			s.final = true
		default:
			s.events[words[0]] = body
		}
	}
	return s, nil
}

// attach is what gives the connection the other files, in a directory.
func (s *script) attach(dir string) (statements string) {
	for name, file := range s.attached {
		path := strings.ReplaceAll(filepath.Join(dir, file), "'", "''")
		statements += fmt.Sprintf("ATTACH DATABASE '%[1]s' AS %[2]s; PRAGMA %[2]s.journal_mode = WAL;", path, name)
	}
	return statements
}
