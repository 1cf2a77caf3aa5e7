// Package page is what a browser shows of the service: one page, embedded, that
// polls the envelope. It is served as it is in the folder files; nothing builds
// it, and it asks no other host for anything.
package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// Policy is the Content-Security-Policy of each file. The page takes scripts,
// styles, its icon and data from where it came from and nothing from elsewhere,
// and the browser itself refuses to make markup of a string.
const Policy = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// File is one file of the page.
type File struct {
	// Path is where it is served. The page refers to the others relative to its
	// own address, so that a proxy may serve all of them below a prefix.
	Path        string
	ContentType string
	Body        []byte
}

//go:embed files
var files embed.FS

// contentTypes are written down since those of package mime depend on the host.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// hole is where a ticket is written in a link template.
const hole = "{work_item}"

// emptyTemplate is where the page has the template, which its scripts read there: a
// page with a script or a style of its own could not have so strict a policy.
const emptyTemplate = `<meta name="link-template" content="">`

// ValidateLinkTemplate tells what is wrong with a template for the addresses of
// tickets, such as https://tracker.example/browse/{work_item}. The ticket, which is
// whatever the database has, may be no part of the host.
func ValidateLinkTemplate(template string) error {
	address, err := url.Parse(strings.ReplaceAll(template, hole, ""))
	scheme, rest, _ := strings.Cut(template, "://")
	switch scheme = strings.ToLower(scheme); {
	case err != nil || (scheme != "http" && scheme != "https") || address.Host == "":
		return errors.New("it is no http:// or https:// address")
	case address.User != nil:
		return errors.New("it has a user or a password, which everybody would see")
	case !strings.Contains(template, hole):
		return errors.New("it has no " + hole)
	case strings.ContainsAny(strings.ReplaceAll(template, hole, ""), "{}"):
		return errors.New("it has a brace that is not of " + hole)
	}
	if strings.Contains(rest[:strings.IndexAny(rest+"/", "/?#")], hole) {
		return errors.New("it has " + hole + " before the path")
	}
	return nil
}

// Files returns the page, at /, and what it asks for, below /page. Where the link
// template is not empty, tickets are links.
func Files(linkTemplate string) ([]File, error) {
	entries, err := files.ReadDir("files")
	if err != nil {
		return nil, fmt.Errorf("list the page's files: %w", err)
	}
	all := make([]File, len(entries))
	for i, entry := range entries {
		if all[i], err = read(entry.Name()); err != nil {
			return nil, err
		}
		if all[i].Path == "/" {
			filled := strings.Replace(emptyTemplate, `""`, `"`+html.EscapeString(linkTemplate)+`"`, 1)
			all[i].Body = bytes.Replace(all[i].Body, []byte(emptyTemplate), []byte(filled), 1)
		}
	}
	return all, nil
}

func read(name string) (File, error) {
	body, err := fs.ReadFile(files, path.Join("files", name))
	if err != nil {
		return File{}, fmt.Errorf("read the page's file: %w", err)
	}
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		return File{}, fmt.Errorf("read the page's file %s: it is of no known type", name)
	}
	file := File{Path: "/page/" + name, ContentType: contentType, Body: body}
	if name == "index.html" {
		file.Path = "/"
	}
	return file, nil
}
