package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/orchmetrics/orchmetrics/domain"
)

// module is the import path in front of the package's folder.
const module = "github.com/orchmetrics/orchmetrics"

// additive are the keys of each type that came after the frozen core: a reader
// may not rely on them, so the schema does not require them. A field that is
// added to a type belongs here too, unless it has omitempty.
var additive = map[string][]string{
	"Envelope": {"clock", "instance", "sections"},
	"Queue":    {"worker_updated_at"},
	"Agent":    {"process", "task_id", "work_item", "host"},
	"Process": {
		"started_after_job_s", "run_ns", "time_slices", "read_bytes", "written_bytes",
		"tree_run_ns", "tree_time_slices", "tree_read_bytes", "tree_written_bytes",
	},
	"Cost":        {"by_model"},
	"RunningCost": {"model"},
}

// generate returns the schema of the envelope. The folder of package domain is
// read for what reflection does not see: comments and constants.
func generate(folder string) ([]byte, error) {
	words, err := wordsOf(folder)
	if err != nil {
		return nil, err
	}
	reflector := jsonschema.Reflector{
		Anonymous:                 true, // its name is the address it was fetched from
		AllowAdditionalProperties: true, // a reader tolerates keys that it does not know
		ExpandedStruct:            true,
		Mapper:                    func(t reflect.Type) *jsonschema.Schema { return special(t, words) },
	}
	if err := reflector.AddGoComments(module, folder, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	envelope := reflect.TypeFor[domain.Envelope]()
	root := reflector.ReflectFromType(envelope)
	g := generator{definitions: root.Definitions, done: map[reflect.Type]bool{}}
	g.finish(envelope, root)
	addForms(root)
	return indent(root)
}

func indent(schema *jsonschema.Schema) ([]byte, error) {
	encoded, err := json.Marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, encoded, "", "  "); err != nil {
		return nil, fmt.Errorf("indent schema: %w", err)
	}
	text.WriteByte('\n')
	return text.Bytes(), nil
}

// special returns the schema of a type that encodes itself, or whose constants
// are all that it may be; nil for any other.
func special(t reflect.Type, words map[string][]any) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[domain.Status](), reflect.TypeFor[domain.ProcessStatus]():
		return &jsonschema.Schema{Type: "string", Enum: words[t.Name()]}
	case reflect.TypeFor[domain.Code](): // a section may have codes of its own
		return &jsonschema.Schema{Type: "string", Examples: words[t.Name()]}
	case reflect.TypeFor[domain.StatusCounts]():
		return countsSchema()
	case reflect.TypeFor[json.RawMessage](): // the breaker, of which only this is known
		return &jsonschema.Schema{Type: "object"}
	default:
		return nil
	}
}

func countsSchema() *jsonschema.Schema {
	number := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "integer", Format: "int64"} }
	counts := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: number()}
	for status := range domain.NewStatusCounts() {
		counts.Required = append(counts.Required, status)
	}
	slices.Sort(counts.Required)
	for _, status := range counts.Required {
		counts.Properties.Set(status, number())
	}
	return counts
}

// generator goes over the schemas that the library has made, for what it does
// not know of our types.
type generator struct {
	definitions jsonschema.Definitions
	done        map[reflect.Type]bool
}

// finish completes the schema of a struct and of those that it holds.
func (g generator) finish(t reflect.Type, schema *jsonschema.Schema) {
	if g.done[t] {
		return
	}
	g.done[t] = true
	schema.Required = slices.DeleteFunc(schema.Required, func(key string) bool { return slices.Contains(additive[t.Name()], key) })
	fields := keysOf(t)
	for key, field := range fields {
		property, found := schema.Properties.Get(key)
		if !found {
			continue
		}
		property.Description = inTermsOfKeys(property.Description, fields)
		held := field.Type
		for held.Kind() == reflect.Pointer || held.Kind() == reflect.Slice || held.Kind() == reflect.Map {
			held = held.Elem()
		}
		if definition, found := g.definitions[held.Name()]; found {
			g.finish(held, definition)
		}
		if held.Kind() == reflect.Int64 && property.Type == "integer" {
			property.Format = "int64"
		}
		if nilIsNull(field) {
			orNull(property)
		}
	}
	maps.DeleteFunc(fields, func(_ string, field reflect.StructField) bool { return field.Name == t.Name() })
	schema.Description = inTermsOfKeys(schema.Description, fields)
}

// keysOf returns the fields of a struct by their key on the wire.
func keysOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(t) {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key != "" && key != "-" {
			fields[key] = field
		}
	}
	return fields
}

// inTermsOfKeys replaces the names of fields in a comment by their keys, which is
// all that a reader of the answer knows, and takes out its line breaks.
func inTermsOfKeys(comment string, fields map[string]reflect.StructField) string {
	comment = strings.Join(strings.Fields(comment), " ")
	for key, field := range fields {
		comment = regexp.MustCompile(`\b`+field.Name+`\b`).ReplaceAllString(comment, key)
	}
	return comment
}

// nilIsNull tells whether a nil value of the field is null on the wire. A list is
// never null, neither is the map of sections, and what is left out is not null.
func nilIsNull(field reflect.StructField) bool {
	if strings.HasSuffix(field.Tag.Get("json"), ",omitempty") {
		return false
	}
	t := field.Type
	return t.Kind() == reflect.Pointer || t == reflect.TypeFor[domain.StatusCounts]() || t == reflect.TypeFor[json.RawMessage]()
}

// orNull lets a schema be null too.
func orNull(schema *jsonschema.Schema) {
	if schema.Ref != "" {
		schema.AnyOf = []*jsonschema.Schema{{Ref: schema.Ref}, {Type: "null"}}
		schema.Ref = ""
		return
	}
	schema.Extras = map[string]any{"type": []string{schema.Type, "null"}}
	schema.Type = ""
}
