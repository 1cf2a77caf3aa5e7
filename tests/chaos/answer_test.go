package chaos

import (
	"fmt"
	"strings"
)

// envelope is an answer as any reader of JSON sees it.
type envelope map[string]any

// at follows keys and indices into the envelope; nil where there is nothing.
func (e envelope) at(path ...any) any {
	var value any = map[string]any(e)
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// summary is how the sections went, in one line: what differs from ok, and the
// state of the database that is shown.
func (e envelope) summary() string {
	var parts []string
	for _, key := range []string{"stages", "queue", "agents", "cost"} {
		if status := e.at("sections", key, "status"); status != "ok" {
			parts = append(parts, fmt.Sprintf("%s %v %v", key, status, e.at("sections", key, "code")))
		}
	}
	if repo, ok := e.at("stages", 0, "repo").(string); ok {
		parts = append(parts, "shows "+repo)
	}
	return strings.Join(parts, ", ")
}

// shows is the summary of an envelope that shows a whole state.
func shows(repo string) string { return "shows " + repo }

// failsWith is the summary of an envelope that shows nothing of the database.
func failsWith(code string) string {
	return fmt.Sprintf("stages failed %[1]s, queue failed %[1]s, agents failed %[1]s, cost failed %[1]s", code)
}
