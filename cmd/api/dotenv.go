package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hashicorp/go-envparse"
)

const (
	// dotEnv is the file of settings in the working directory.
	dotEnv = ".env"
	// maxDotEnv is how large it may be, in bytes.
	maxDotEnv = 1 << 20
)

// loadDotEnv puts the variables of a file into the environment, unless they are
// there already: the real environment wins. A value is taken as it stands, a $ in
// it too. An error says which line is wrong and what to do; it repeats nothing of
// the file, which may hold secrets.
func loadDotEnv(name string) error {
	content, err := readDotEnv(name)
	if err != nil {
		return err
	}
	variables, err := envparse.Parse(bytes.NewReader(content))
	if failure, ok := errors.AsType[*envparse.ParseError](err); ok {
		return fmt.Errorf("%s, line %d: %w; write NAME=VALUE with quotes closed on the same line, or begin the line with #",
			fullPath(name), failure.Line, failure.Err)
	}
	if cut := valueCut.FindIndex(content); cut != nil {
		return fmt.Errorf("%s, line %d: a # within the value would begin a comment; put the value in quotes",
			fullPath(name), 1+bytes.Count(content[:cut[1]], []byte("\n")))
	}
	for variable, value := range variables {
		if _, set := os.LookupEnv(variable); set {
			continue
		}
		if err := os.Setenv(variable, value); err != nil {
			return fmt.Errorf("%s: set %s: %w", fullPath(name), variable, err)
		}
	}
	return nil
}

// valueCut is a value that the parser would end at a # though no space is before
// it, as in a path or a password.
var valueCut = regexp.MustCompile(`(?m)^[ \t]*[^#\s][^#'"\n]*[^\s#'"]#`)

// readDotEnv returns the file's text; nothing if there is no file. What is not
// regular is not opened, since a pipe would keep us waiting.
func readDotEnv(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxDotEnv) {
		what := fmt.Sprintf("of more than %d bytes", maxDotEnv)
		if !info.Mode().IsRegular() {
			what = "that is a directory, a pipe or a device"
		}
		return nil, fmt.Errorf("%s: something %s is no file of settings; take it away, or start in another directory", fullPath(name), what)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(filepath.Clean(name))
	}
	if failure, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("%s: %w; correct its rights, or start in another directory", fullPath(name), failure.Err)
	}
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("%s, line 1: the file is UTF-16; save it as UTF-8", fullPath(name))
	}
	return bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), err // without the mark that some editors write
}

// fullPath is a path as a message shows it: the reader may not know in which
// directory the program was started.
func fullPath(name string) string {
	if absolute, err := filepath.Abs(name); err == nil {
		return absolute
	}
	return name
}
