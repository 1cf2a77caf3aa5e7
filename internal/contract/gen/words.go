package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// wordsOf returns the constants of each named string type of a package, in the
// order of the source, so that a new word is in the schema without being listed
// twice.
func wordsOf(folder string) (map[string][]any, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find the package in %s, seen from the module's root: %d files, %w", folder, len(files), err)
	}
	words := map[string][]any{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok {
				collect(spec, words)
			}
			return true
		})
	}
	return words, nil
}

func collect(spec *ast.ValueSpec, words map[string][]any) {
	named, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, value := range spec.Values {
		literal, ok := value.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if word, err := strconv.Unquote(literal.Value); err == nil {
			words[named.Name] = append(words[named.Name], word)
		}
	}
}
