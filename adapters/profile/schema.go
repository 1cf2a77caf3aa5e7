package profile

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

// object is a JSON object, whose keys are written in the order of the alphabet.
type object map[string]any

// Schema returns the JSON Schema (draft 2020-12) of a profile, for editors: they
// complete keys by it, and say what each is. The service itself goes by what it reads.
func Schema() ([]byte, error) {
	properties := object{
		keyVersion: object{"const": Version, "description": "The version of the format."},
		keyName:    object{"type": "string", "pattern": identifier.String(), "description": "What the profile is called."},
		keyAbout:   object{"type": "string", "description": "The orchestrator, in a line."},
		keyDatabases: object{
			"type": "object", "minProperties": 1, "maxProperties": maxDatabases, "additionalProperties": databaseSchema(),
			"propertyNames": object{"pattern": identifier.String()},
			"description":   "Where the databases are, by names of your own. The first one is what ORCH_DB replaces.",
		},
		keyStates: statesSchema(),
	}
	for _, f := range forms() {
		properties[f.key] = querySchema(f)
	}
	encoded, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "orchmetrics profile", "type": "object", "additionalProperties": false,
		"required": []string{keyVersion, keyName, keyDatabases}, "properties": properties,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	return append(encoded, '\n'), nil
}

func databaseSchema() object {
	path := object{"type": "string", "minLength": 1, "description": "A path or a file: URI. ~/ is the home of who runs the service."}
	return object{"oneOf": []any{path, object{
		"type": "object", "additionalProperties": false, "required": []string{keyPath},
		"properties": object{
			keyPath:   path,
			keyBeside: object{"type": "string", "description": "The database in whose folder the path begins."},
			keyOptional: object{
				"type": "boolean", "description": "Whether what it holds is left out where there is no such file, and degrades nothing.",
			},
		},
	}}}
}

func statesSchema() object {
	states := object{}
	for _, state := range domain.KnownStatuses() {
		states[state] = object{"type": "array", "items": object{"type": "string", "minLength": 1}}
	}
	return object{
		"type": "object", "additionalProperties": false, "properties": states,
		"description": "The orchestrator's states that each of these is. One that is not named keeps its own name.",
	}
}

func querySchema(f form) object {
	properties := object{
		keySQL:      object{"type": "string", "minLength": 1, "description": "One SELECT. It returns " + columnsForPeople(f) + "."},
		keyDatabase: object{"type": "string", "description": "The database that it reads; the first one where there is none."},
	}
	times := object{}
	for _, c := range f.columns {
		if c.kind == kindTime {
			times[c.name] = object{"enum": timeForms, "default": timeSQL}
		}
	}
	if len(times) > 0 {
		properties[keyTimes] = object{
			"type": "object", "additionalProperties": false, "properties": times,
			"description": "The form of each timestamp.",
		}
	}
	return object{
		"type": "object", "additionalProperties": false, "required": []string{keySQL}, "properties": properties, "description": f.help,
	}
}

// columnsForPeople lists the columns of a query and their types.
func columnsForPeople(f form) string {
	var columns []string
	for _, c := range f.columns {
		text := c.name + " (" + string(c.kind) + ")"
		if c.required && c.instead == "" {
			text += ", needed"
		}
		if c.instead != "" {
			text += ", or " + c.instead + " instead, needed"
		}
		columns = append(columns, text)
	}
	return strings.Join(columns, "; ")
}
