// Package dropin brings sections without any Go: each KEY.json in a directory is
// the section KEY. Any program may write them; by rename, so that nobody reads
// half of one.
package dropin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// Bounds of what is read: whoever may write the directory shall not be able to
// fill an answer, or the memory.
const (
	maxFiles = 64
	maxBytes = 1 << 20
	// maxTotal is how many bytes the files may have in all.
	maxTotal = 4 << 20
	// maxNames is how many names of the directory are looked at.
	maxNames = 10_000
	suffix   = ".json"
)

// Dir lists the sections of a directory. Nothing of it is kept between scrapes.
type Dir struct {
	path string
}

var _ ports.SectionLister = (*Dir)(nil)

// New returns a lister of the directory at path, which need not exist yet.
func New(path string) *Dir { return &Dir{path: path} }

// Name implements ports.SectionLister.
func (*Dir) Name() string { return "ORCH_SECTIONS_DIR" }

// Sections implements ports.SectionLister: a section for each file whose name
// ends in .json, by name. A name that begins with a dot is passed over: so do
// programs name what they have not finished.
func (d *Dir) Sections(context.Context) ([]ports.Listed, error) {
	names, err := d.names()
	if err != nil {
		return nil, fmt.Errorf("list sections: %w: %w", domain.CodeFileUnreadable, err)
	}
	stems := make([]string, 0, len(names))
	for _, name := range names {
		if stem, found := strings.CutSuffix(name, suffix); found && !strings.HasPrefix(name, ".") {
			stems = append(stems, stem)
		}
	}
	slices.Sort(stems) // without the suffix: that is the order of the keys
	if len(stems) > maxFiles {
		err = fmt.Errorf("list sections: %d files, of which the first %d are shown: %w", len(stems), maxFiles, domain.CodeTooMany)
		stems = stems[:maxFiles]
	}
	return d.list(stems), err
}

// list returns the sections of files. One is left out whose file does not fit
// beside those before it.
func (d *Dir) list(stems []string) []ports.Listed {
	listed := make([]ports.Listed, len(stems))
	root, err := os.OpenRoot(d.path)
	if err == nil { // else each section says so
		defer root.Close() //nolint:errcheck // nothing was written
	}
	total := int64(0)
	for i, stem := range stems {
		section := &file{dir: d.path, key: stem}
		if size := sizeOf(root, stem+suffix); size <= maxBytes { // a larger one is refused by itself
			section.leftOut = total+size > maxTotal
			if !section.leftOut {
				total += size
			}
		}
		listed[i] = ports.Listed{Section: section, Origin: stem + suffix}
	}
	return listed
}

// sizeOf is the length of a regular file, and 0 of all that is not read.
func sizeOf(root *os.Root, name string) int64 {
	if root == nil {
		return 0
	}
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

func (d *Dir) names() ([]string, error) {
	dir, err := os.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	info, err := dir.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, &fs.PathError{Op: "list", Path: d.path, Err: errors.New("not a directory")}
	}
	names, err := dir.Readdirnames(maxNames)
	if errors.Is(err, io.EOF) { // it is empty
		err = nil
	}
	return names, err
}
