// Package dropin brings sections without any Go: each KEY.json in a directory is
// the section KEY. Any program may write them; by rename, so that nobody reads
// half of one.
package dropin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

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
	// batch is how many names of the directory are held at once.
	batch  = 1024
	suffix = ".json"
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
// is a key and ".json", by key. Behind them come those of another name that ends in
// .json, to be refused. A name that begins with a dot is passed over: so do programs
// name what they have not finished. At most 64 of each kind are listed, however many
// names there are.
func (d *Dir) Sections(ctx context.Context) ([]ports.Listed, error) {
	found, err := d.scan(ctx)
	listed := d.list(slices.Concat(found.keys.least, found.refused.least))
	switch {
	case err != nil && ctx.Err() != nil:
		return listed, fmt.Errorf("list sections: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("list sections: %w: %w", domain.CodeFileUnreadable, err)
	case found.keys.more || found.refused.more:
		return listed, fmt.Errorf("list sections: more than %d files, of which the first by name are shown: %w", maxFiles, domain.CodeTooMany)
	default:
		return listed, nil
	}
}

// list returns the sections of files. One is left out whose file does not fit
// beside those before it.
func (d *Dir) list(stems []string) []ports.Listed {
	listed := make([]ports.Listed, len(stems))
	root, err := os.OpenRoot(d.path + "/.") // so that it is a directory, or not opened
	if err == nil {                         // else each section says so
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

// Leftovers returns the number of names in the directory that are passed over: each
// scrape reads them all.
func (d *Dir) Leftovers(ctx context.Context) (int, error) {
	found, err := d.scan(ctx)
	return found.others, err
}

// names are those of a directory.
type names struct {
	keys    first // without the suffix
	refused first // without the suffix; these are no keys
	others  int
}

func (n *names) add(name string) {
	stem, ours := strings.CutSuffix(name, suffix)
	switch {
	case !ours || strings.HasPrefix(name, "."):
		n.others++
	case domain.WellFormed(stem):
		n.keys.add(stem)
	default:
		n.refused.add(stem)
	}
}

// first are the first of many texts in their order.
type first struct {
	least []string // sorted, at most maxFiles
	more  bool     // there were others
}

func (f *first) add(text string) {
	at, known := slices.BinarySearch(f.least, text) // a directory that changes may show a name twice
	if known {
		return
	}
	if len(f.least) == maxFiles {
		f.more = true
		if at == maxFiles {
			return
		}
		f.least = f.least[:maxFiles-1]
	}
	f.least = slices.Insert(f.least, at, text)
}

// scan reads the names of the directory, a batch at a time. What is no directory is
// not opened, since to open it might wait for ever, as a FIFO does.
func (d *Dir) scan(ctx context.Context) (found names, err error) {
	dir, err := os.OpenFile(d.path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return found, err
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	for {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		some, err := dir.Readdirnames(batch)
		for _, name := range some {
			found.add(name)
		}
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return found, err
		}
	}
}
