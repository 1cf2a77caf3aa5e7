package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// pathOf returns the absolute path that a location names. It refuses what is none but
// the location of a driver or of another database: that may hold a password, and a path
// is logged.
func pathOf(location string) (path string, err error) {
	_, query, _ := strings.Cut(location, "?")
	switch path = location; {
	case strings.HasPrefix(location, "file:"):
		if path, err = pathOfURI(location); err != nil {
			return "", err
		}
	case strings.Contains(location, "://"):
		return "", errors.New("open database: the database's location is a URL of another kind; write a path, or file: and a path")
	case strings.Contains(query, "="):
		return "", errors.New("open database: the database's path has parameters behind it; leave them out, " +
			"or write file: and the path, with %3F for a question mark of its name")
	}
	switch {
	case path == "":
		return "", errors.New("open database: no database is named")
	case path == ":memory:":
		return "", errors.New("open database: a database in memory cannot be read from another process; name a file")
	case strings.ContainsRune(path, 0):
		return "", errors.New("open database: the database's path contains a NUL byte")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("open database: find the database's absolute path: %w", err)
	}
	return path, nil
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
