package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme_PromisesHaveTests: each promise of the README names its tests, and
// those exist.
func TestReadme_PromisesHaveTests(t *testing.T) {
	t.Parallel()
	_, section, found := strings.Cut(read(t, "README.md"), "\n## What it promises\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	tests := testsOfTheRepository(t)
	require.Contains(t, tests, "TestReadme_PromisesHaveTests")
	promises := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| promise ") {
			continue
		}
		promises++
		names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(line, -1)
		assert.NotEmpty(t, names, "no test: %s", line)
		for _, name := range names {
			assert.Contains(t, tests, name[1])
		}
	}
	assert.Greater(t, promises, 5)
}

// testsOfTheRepository returns the names of all tests and fuzz targets.
func testsOfTheRepository(t *testing.T) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(".."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		for _, declaration := range parse(t, "../"+name).Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && regexp.MustCompile(`^(Test|Fuzz)`).MatchString(function.Name.Name) {
				names = append(names, function.Name.Name)
			}
		}
		return nil
	}))
	return names
}

// TestCodes_Documented: docs/operations.md says of every code what it means and
// what to do, and knows no other.
func TestCodes_Documented(t *testing.T) {
	t.Parallel()
	codes := codesOfTheDomain(t)
	require.Contains(t, codes, "db_missing")
	_, section, found := strings.Cut(read(t, "docs/operations.md"), "\n## Codes\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		documented = append(documented, row[1])
		assert.NotEmpty(t, strings.TrimSpace(row[2]), "%s: what does it mean?", row[1])
		assert.NotEmpty(t, strings.TrimSpace(row[3]), "%s: what is to be done?", row[1])
	}
	assert.ElementsMatch(t, codes, documented)
}

// codesOfTheDomain returns the value of each constant of type Code.
func codesOfTheDomain(t *testing.T) []string {
	t.Helper()
	var codes []string
	for _, declaration := range parse(t, "../domain/code.go").Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			value := spec.(*ast.ValueSpec)
			kind, ok := value.Type.(*ast.Ident)
			require.True(t, ok && kind.Name == "Code", "%s: a constant without the type Code", value.Names[0].Name)
			code, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			codes = append(codes, code)
		}
	}
	return codes
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}
