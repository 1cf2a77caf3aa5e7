package sqlstore

import (
	"errors"
	"fmt"
)

const (
	// maxCell is how many bytes a cell may have to be read as it is.
	maxCell = 4 * maxText
	// anyCell is more than SQLite itself allows.
	anyCell = 1<<31 - 1

	// limitLength is SQLITE_LIMIT_LENGTH, of which the driver has the name only with
	// cgo (https://www.sqlite.org/c3ref/c_limit_attached.html).
	limitLength = 0
)

// limit lets a statement fail that reads a larger cell. Some cells may have 20 MB.
// To look at the type and size of each before it is read makes a statement four times
// as long to compile, which is most of what a statement costs; so that is left for
// when SQLite has met such a cell.
func (c *connection) limit(bytes int) error {
	err := c.conn.Raw(func(conn any) error {
		limited, ok := conn.(interface{ SetLimit(id, value int) int })
		if !ok {
			return errors.New("the driver has no limits")
		}
		limited.SetLimit(limitLength, bytes)
		return nil
	})
	if err != nil {
		return fmt.Errorf("limit cells to %d bytes: %w", bytes, err)
	}
	return nil
}
