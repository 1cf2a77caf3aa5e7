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
	listed := make([]ports.Listed, len(stems))
	for i, stem := range stems {
		listed[i] = ports.Listed{Section: &file{dir: d.path, key: stem}, Origin: stem + suffix}
	}
	return listed, err
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
