package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// pathOf returns the absolute path that a location names.
func pathOf(location string) (string, error) {
	path, err := location, checkPlain(location)
	if strings.HasPrefix(location, "file:") {
		path, err = pathOfURI(location)
	}
	if err != nil {
		return "", err
	}
	switch {
	case path == "":
		return "", errors.New("open database: no database is named")
	case path == ":memory:":
		return "", errors.New("open database: a database in memory cannot be read from another process; name a file")
	case strings.ContainsRune(path, 0):
		return "", errors.New("open database: the database's path contains a NUL byte")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("open database: find the database's absolute path: %w", err)
	}
	return absolute, nil
}

// checkPlain refuses a path that is none but the location of a driver or of another
// database: it may hold a password, and a path is logged.
func checkPlain(location string) error {
	if strings.Contains(location, "://") {
		return errors.New("open database: the database's location is a URL of another kind; write a path, or file: and a path")
	}
	if _, query, found := strings.Cut(location, "?"); found && strings.Contains(query, "=") {
		return errors.New("open database: the database's path has parameters behind it; leave them out, " +
			"or write file: and the path, with %3F for a question mark of its name")
	}
	return nil
}

// pathOfURI returns the path in a file: URI. Of one only the path counts: how the
// file is opened is ours to decide.
func pathOfURI(location string) (string, error) {
	uri, err := url.Parse(location)
	if err != nil {
		// url.Error repeats the location, which may hold a password.
		return "", errors.New("open database: the database's URI is malformed")
	}
	if uri.Host != "" && uri.Host != "localhost" {
		return "", errors.New("open database: the database's URI names another host; write file:/path or file:relative/path")
	}
	path := uri.Path
	if uri.Opaque != "" {
		if path, err = url.PathUnescape(uri.Opaque); err != nil {
			return "", errors.New("open database: the database's URI is malformed")
		}
	}
	if uri.Query().Get("mode") == "memory" {
		path = ":memory:"
	}
	return path, nil
}
