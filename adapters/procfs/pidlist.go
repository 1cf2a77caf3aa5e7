package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// errUnseen means that a process lives that this mount does not show, so that a
// tree with it cannot be summed.
var errUnseen = errors.New("a process of the tree cannot be seen")

// errNotPIDs means that bytes are not a list of pids.
var errNotPIDs = errors.New("not a list of pids")

// parsePIDs gives each pid of a list as /proc/pid/task/tid/children has it:
// decimal numbers, a space behind each. The kernel writes 0 for a child in a pid
// namespace that the mount does not show.
func parsePIDs(list []byte, each func(pid int64) error) error {
	for token := range bytes.FieldsSeq(list) {
		pid, err := strconv.ParseInt(string(token), 10, 64)
		switch {
		case err != nil || pid != 0 && !validPID(pid):
			return fmt.Errorf("parse children: %w", errNotPIDs)
		case pid == 0:
			return errUnseen
		}
		if err := each(pid); err != nil {
			return err
		}
	}
	return nil
}
