package tests_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layer is one row of the dependency table: what the packages of a folder and of
// the folders below it may import besides the standard library and each other.
type layer struct {
	// folder is relative to the module's root; a last element "*" makes each
	// folder in its place a layer of its own, so that they may not import each
	// other.
	folder string
	// own are the layers of this module.
	own []string
	// libraries are import paths, and all below them, from outside this module;
	// nil is none, and anyLibrary all of them.
	libraries []string
	// tests are layers that test files may import besides. They may import any
	// library.
	tests []string
}

var (
	anyLibrary = []string{""}

	// The most specific row counts, the first of those alike. A package that has no row is a violation.
	layers = []layer{
		{folder: "domain", tests: []string{"contract/contracttest"}},
		{folder: "ports", own: []string{"domain"}, tests: []string{"ports/portstest", "mocks"}},
		{
			folder: "ports/portstest", own: []string{"domain", "ports"}, tests: []string{"mocks"},
			libraries: []string{
				"github.com/google/go-cmp", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid",
			},
		},
		{
			folder: "internal/app", own: []string{"domain", "ports"}, tests: []string{"ports/portstest", "mocks", "contract/contracttest"},
			libraries: []string{"golang.org/x/time"},
		},
		// What the tables mean, on any engine, which a test has to choose.
		{
			folder: "adapters/sqlstore", own: []string{"domain", "ports", "internal/engine", "internal/rollup"}, libraries: anyLibrary,
			tests: []string{"ports/portstest", "internal/sqlite", "internal/postgres", "internal/postgres/postgrestest"},
		},
		// What is around the routes, and knows none of them.
		{folder: "adapters/http/guard", libraries: anyLibrary},
		{
			folder: "adapters/http", own: []string{"adapters/http/guard", "domain", "ports"}, libraries: anyLibrary,
			tests: []string{"mocks", "contract/contracttest"},
		},
		{
			folder: "adapters/profile", own: []string{"domain", "ports", "internal/engine"}, libraries: anyLibrary,
			tests: []string{"ports/portstest", "internal/sqlite"},
		},
		{
			folder: "adapters/*", own: []string{"domain", "ports"}, libraries: anyLibrary,
			tests: []string{"ports/portstest", "mocks", "contract/contracttest"},
		},
		{folder: "internal/engine", own: []string{"domain"}, libraries: anyLibrary},
		{folder: "internal/engine/enginetest", own: []string{"domain", "internal/engine"}, libraries: anyLibrary},
		{folder: "internal/sqlite", own: []string{"domain", "internal/engine"}, libraries: anyLibrary, tests: []string{"internal/engine/enginetest"}},
		{
			folder: "internal/postgres", own: []string{"domain", "internal/engine"}, libraries: anyLibrary,
			tests: []string{"internal/engine/enginetest", "internal/postgres/postgrestest"},
		},
		{folder: "internal/postgres/postgrestest", libraries: anyLibrary},
		{folder: "internal/rollup"},
		{
			folder: ".", libraries: anyLibrary,
			own:   []string{"domain", "ports", "internal/app", "adapters/*", "adapters/http", "adapters/http/guard", "adapters/sqlstore", "adapters/profile", "internal/engine", "internal/sqlite", "internal/postgres", "internal/contract", "internal/page", "docs"},
			tests: []string{"ports/portstest", "mocks", "contract/contracttest"},
		},
		// The doctor asks the adapters what they alone know.
		{folder: "internal/doctor", own: []string{".", "adapters/*", "adapters/http", "adapters/http/guard", "adapters/sqlstore", "adapters/profile", "internal/engine", "internal/sqlite", "internal/postgres", "domain", "ports"}, libraries: anyLibrary},
		// A command speaks to the root in the types of domain and ports.
		{folder: "internal/top", own: []string{"domain"}, libraries: anyLibrary},
		{folder: "cmd/*", own: []string{".", "internal/demo", "internal/doctor", "internal/top", "domain", "ports"}, libraries: anyLibrary, tests: []string{"mocks", "contract/contracttest"}},
		{folder: "internal/demo", libraries: anyLibrary},
		// What is embedded, and what is served of it.
		{folder: "docs"},
		{folder: "internal/page"},
		{folder: "internal/contract", own: []string{"docs"}},
		{folder: "internal/contract/compat"},
		// A validator is no part of the service.
		{folder: "contract/contracttest", own: []string{"internal/contract"}, libraries: []string{"github.com/santhosh-tekuri/jsonschema"}},
		// The generator's library is not linked into the service.
		{folder: "internal/contract/gen", own: []string{"domain", "internal/contract/compat"}, libraries: []string{"github.com/invopop/jsonschema"}},
		{folder: "internal/contract/genmetrics", own: []string{"adapters/*"}},
		{folder: "examples/*", own: []string{".", "domain", "ports"}, libraries: anyLibrary, tests: []string{"adapters/*", "adapters/http", "ports/portstest", "contract/contracttest"}},
		{folder: "mocks", own: []string{"domain", "ports"}, libraries: []string{"github.com/stretchr/testify"}},
		{
			folder: "tests", libraries: anyLibrary,
			own: []string{
				".", "internal/contract", "contract/contracttest", "domain", "ports", "ports/portstest", "internal/app", "adapters/*", "adapters/http", "adapters/http/guard", "adapters/sqlstore", "adapters/profile",
				"internal/sqlite", "internal/postgres", "internal/postgres/postgrestest", "internal/page", "internal/demo", "internal/doctor", "mocks",
			},
		},
	}

	// libraryHomes are the libraries that one layer alone may import, so that they
	// can be exchanged there. Test files are free.
	libraryHomes = map[string][]string{
		"github.com/gin-gonic": {"adapters/http"},
		"gorm.io":              {"internal/engine", "internal/engine/enginetest", "internal/sqlite", "internal/postgres"},
	}
)

func TestArchitecture(t *testing.T) {
	root, module := findModule(t)
	seen, violations, err := checkImports(os.DirFS(root), module)
	require.NoError(t, err)
	for _, violation := range violations {
		t.Error(violation + " (see CONTRIBUTING.md for who may import whom)")
	}
	assert.Subset(t, seen, []string{"domain", "ports", "tests"}, "the checker did not see the tree")
}

// The checker is worth only what it catches.
func TestArchitectureCheckerCatchesViolations(t *testing.T) {
	const module = "example.org/m"
	cases := map[string]struct {
		file, imports string
		caught        bool
	}{
		"domain imports the standard library":        {"domain/a.go", "encoding/json", false},
		"domain imports a library":                   {"domain/a.go", "golang.org/x/sync/errgroup", true},
		"domain imports C":                           {"domain/a.go", "C", true},
		"domain imports ports":                       {"domain/a.go", module + "/ports", true},
		"domain's tests import a library":            {"domain/a_test.go", "pgregory.net/rapid", false},
		"domain's tests import domain":               {"domain/a_test.go", module + "/domain", false},
		"domain's tests import mocks":                {"domain/a_test.go", module + "/mocks", true},
		"ports import domain":                        {"ports/a.go", module + "/domain", false},
		"ports import a library":                     {"ports/a.go", "github.com/stretchr/testify/require", true},
		"ports import portstest":                     {"ports/a.go", module + "/ports/portstest", true},
		"portstest imports testify":                  {"ports/portstest/a.go", "github.com/stretchr/testify/require", false},
		"portstest imports gin":                      {"ports/portstest/a.go", "github.com/gin-gonic/gin", true},
		"a file directly in app imports an adapter":  {"internal/app/a.go", module + "/adapters/procfs", true},
		"a file below app imports an adapter":        {"internal/app/b/a.go", module + "/adapters/procfs", true},
		"app imports a package below app":            {"internal/app/a.go", module + "/internal/app/b", false},
		"app imports a library":                      {"internal/app/a.go", "golang.org/x/sync/errgroup", true},
		"app's tests import an adapter":              {"internal/app/a_test.go", module + "/adapters/procfs", true},
		"app's tests import mocks":                   {"internal/app/a_test.go", module + "/mocks", false},
		"app imports mocks":                          {"internal/app/a.go", module + "/mocks", true},
		"an adapter imports domain":                  {"adapters/procfs/a.go", module + "/domain", false},
		"an adapter imports a package below itself":  {"adapters/procfs/a.go", module + "/adapters/procfs/stat", false},
		"an adapter imports another adapter":         {"adapters/procfs/a.go", module + "/adapters/sqlstore", true},
		"an adapter imports app":                     {"adapters/procfs/a.go", module + "/internal/app", true},
		"an adapter imports portstest":               {"adapters/procfs/a.go", module + "/ports/portstest", true},
		"an adapter's tests import portstest":        {"adapters/procfs/a_test.go", module + "/ports/portstest", false},
		"an adapter's tests import another adapter":  {"adapters/procfs/a_test.go", module + "/adapters/sqlstore", true},
		"an adapter's tests import the demo":         {"adapters/procfs/a_test.go", module + "/internal/demo", true},
		"an adapter imports a library of its own":    {"internal/sqlite/a.go", "gorm.io/gorm", false},
		"an adapter imports another's library":       {"adapters/procfs/a.go", "gorm.io/gorm", true},
		"an adapter's tests import another's":        {"adapters/procfs/a_test.go", "gorm.io/gorm", false},
		"a library whose name begins like another's": {"adapters/procfs/a.go", "gorm.iomega/x", false},
		"the root imports an adapter":                {"a.go", module + "/adapters/http", false},
		"the root imports the demo":                  {"a.go", module + "/internal/demo", true},
		"the root imports gin":                       {"a.go", "github.com/gin-gonic/gin", true},
		"a file that a build tag excludes":           {"wire.go", module + "/tests", true},
		"a command imports the root":                 {"cmd/api/a.go", module, false},
		"a command imports app":                      {"cmd/api/a.go", module + "/internal/app", true},
		"a command imports the doctor":               {"cmd/api/a.go", module + "/internal/doctor", false},
		"the doctor imports an adapter":              {"internal/doctor/a.go", module + "/adapters/http", false},
		"the doctor imports app":                     {"internal/doctor/a.go", module + "/internal/app", true},
		"the root imports the doctor":                {"a.go", module + "/internal/doctor", true},
		"the demo imports domain":                    {"internal/demo/a.go", module + "/domain", true},
		"the generator imports domain":               {"internal/contract/gen/a.go", module + "/domain", false},
		"the root imports the generator":             {"a.go", module + "/internal/contract/gen", true},
		"what is served imports the generator's":     {"internal/contract/a.go", "github.com/invopop/jsonschema", true},
		"an adapter imports the documents":           {"adapters/http/a.go", module + "/docs", true},
		"an example imports an adapter":              {"examples/embed/a.go", module + "/adapters/http", true},
		"the root imports the guard":                 {"a.go", module + "/adapters/http/guard", false},
		"the guard imports gin":                      {"adapters/http/guard/a.go", "github.com/gin-gonic/gin", true},
		"the guard imports the routes":               {"adapters/http/guard/a.go", module + "/adapters/http", true},
		"the guard imports ports":                    {"adapters/http/guard/a.go", module + "/ports", true},
		"the routes import the guard":                {"adapters/http/a.go", module + "/adapters/http/guard", false},
		"an adapter imports the guard":               {"adapters/procfs/a.go", module + "/adapters/http/guard", true},
		"tests import an adapter":                    {"tests/a_test.go", module + "/adapters/http", false},
		"a package without a row":                    {"util/a.go", "fmt", true},
		"a package between the rows":                 {"adapters/a.go", "fmt", true},
		"testdata":                                   {"internal/demo/testdata/a.go", module + "/internal/app", false},
		"a hidden folder":                            {".tools/a/a.go", module + "/internal/app", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source := fmt.Sprintf("//go:build never\n\npackage p\n\nimport _ %q\n", c.imports)
			_, violations, err := checkImports(fstest.MapFS{c.file: {Data: []byte(source)}}, module)
			require.NoError(t, err)
			assert.Equal(t, c.caught, len(violations) > 0, "violations: %v", violations)
		})
	}
}

func TestArchitectureCheckerRefusesWhatItCannotRead(t *testing.T) {
	_, _, err := checkImports(fstest.MapFS{"domain/a.go": {Data: []byte("package")}}, "example.org/m")
	assert.Error(t, err)
}

// findModule returns the module's root folder and its path.
func findModule(t *testing.T) (root, module string) {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	for {
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		if err == nil {
			line, _, _ := strings.Cut(string(text), "\n")
			return root, strings.TrimSpace(strings.TrimPrefix(line, "module "))
		}
		parent := filepath.Dir(root)
		require.NotEqual(t, root, parent, "no go.mod above the test")
		root = parent
	}
}

// checkImports reads what each Go file of a tree imports. It parses the files
// and does not load packages, so that no build tag hides a file and the go
// command sees which files the test read: a cached result never outlives a
// change.
func checkImports(tree fs.FS, module string) (packages, violations []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && skipped(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		imports, err := importsOf(tree, name)
		if err != nil {
			return err
		}
		packages = append(packages, path.Dir(name))
		violations = append(violations, checkFile(name, module, imports)...)
		return nil
	})
	return slices.Compact(packages), violations, err
}

// skipped tells which folders the go command does not look into either.
func skipped(folder string) bool {
	return folder == "testdata" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

func importsOf(tree fs.FS, name string) ([]string, error) {
	source, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	imports := make([]string, len(file.Imports))
	for i, spec := range file.Imports {
		if imports[i], err = strconv.Unquote(spec.Path.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return imports, nil
}

func checkFile(name, module string, imports []string) []string {
	folder, isTest := path.Dir(name), strings.HasSuffix(name, "_test.go")
	from, home, found := layerOf(folder)
	if !found {
		return []string{folder + ": no row of the dependency table covers this package"}
	}
	var violations []string
	for _, imported := range imports {
		var allowed bool
		if target, own := ownFolder(imported, module); own {
			allowed = from.allowsOwn(home, target, isTest)
		} else {
			allowed = isTest || from.allowsLibrary(home, imported)
		}
		if !allowed {
			violations = append(violations, fmt.Sprintf("%s: %s may not import %s", name, from.folder, imported))
		}
	}
	return violations
}

// layerOf returns the row that covers a folder, and the folder that the row's
// pattern stands for in this case.
func layerOf(folder string) (row layer, home string, found bool) {
	for _, candidate := range layers {
		base, each := strings.CutSuffix(candidate.folder, "/*")
		at := base
		if each {
			rest, below := strings.CutPrefix(folder, base+"/")
			if !below {
				continue
			}
			first, _, _ := strings.Cut(rest, "/")
			at = base + "/" + first
		}
		if below(folder, at) && (!found || len(at) > len(home)) {
			row, home, found = candidate, at, true
		}
	}
	return row, home, found
}

// below tells whether a path is base or below it; below the root folder is only
// the root folder itself.
func below(name, base string) bool { return name == base || strings.HasPrefix(name, base+"/") }

// ownFolder returns the folder of a package of the module.
func ownFolder(imported, module string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func (l layer) allowsOwn(home, target string, isTest bool) bool {
	to, targetHome, found := layerOf(target)
	return found && (targetHome == home ||
		slices.Contains(l.own, to.folder) ||
		isTest && slices.Contains(l.tests, to.folder))
}

func (l layer) allowsLibrary(home, imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") && imported != "C" {
		return true // of the standard library
	}
	for library, only := range libraryHomes {
		if below(imported, library) && !slices.Contains(only, home) {
			return false
		}
	}
	return slices.ContainsFunc(l.libraries, func(library string) bool {
		return library == "" || below(imported, library)
	})
}
