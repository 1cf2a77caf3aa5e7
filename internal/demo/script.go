package demo

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// Miniatures of other orchestrators: one file each says how it keeps what happens.
//
//go:embed miniatures/*.sql
var miniatures embed.FS

// What happens to a task.
const (
	eventAdd    = "add"
	eventStart  = "start"
	eventDone   = "done"
	eventFailed = "failed"
)

// script is how an orchestrator keeps what happens: statements by the event, whose
// parameters are those of moment.
type script struct {
	file     string            // of its database
	attached map[string]string // other files by the name under which the statements know them
	schema   string
	events   map[string]string
	// final is set if a task that failed is not tried again.
	final bool
}

// Profiles returns the profiles of which there is a miniature, in order.
func Profiles() (names []string) {
	files, _ := miniatures.ReadDir("miniatures") // which is embedded
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), ".sql"))
	}
	return names
}

// readScript reads the script of a profile. A line of three dashes begins a part of it.
func readScript(profile string) (*script, error) {
	if !slices.Contains(Profiles(), profile) {
		return nil, fmt.Errorf("there is no miniature of %q; there are %s", profile, strings.Join(Profiles(), ", "))
	}
	text, err := miniatures.ReadFile("miniatures/" + profile + ".sql")
	if err != nil {
		return nil, fmt.Errorf("read miniature: %w", err)
	}
	s := &script{attached: map[string]string{}, events: map[string]string{}}
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
