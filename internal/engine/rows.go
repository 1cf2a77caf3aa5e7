package engine

import (
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxText is where a long text is cut, in bytes.
	MaxText = 4096
	// CutText is how much of it is looked at: enough that it ends between characters.
	CutText = MaxText + utf8.UTFMax
)

// Rows are read row by row, and each row from left to right. A cell never fails: one
// that is not what is asked for is nil and one anomaly, since SQLite lets any cell
// hold any type, and one bad cell must not cost the row, let alone the section.
type Rows struct {
	rows *sql.Rows
	view *View
	err  error

	values    []any
	dest      []any // pointers to values
	rest      []any // those of values that were not read yet
	anomalies int64
	kept      int64
}

// Next goes on to the next row; false if there is none, or after an error.
func (r *Rows) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	if err := r.rows.Scan(r.dest...); err != nil {
		r.err = fmt.Errorf("scan row: %w", err)
		return false
	}
	r.rest = r.values
	return true
}

// Close ends the query and returns what went wrong in it, with a code if it has one.
func (r *Rows) Close() error {
	if r.rows == nil {
		return r.err
	}
	for _, late := range []error{r.rows.Err(), r.rows.Close()} {
		if r.err == nil && late != nil {
			r.err = fmt.Errorf("read rows: %w", late)
		}
	}
	return r.view.classify(r.err)
}

// Anomalies returns how many cells could not be read since it was last asked.
func (r *Rows) Anomalies() int64 {
	n := r.anomalies
	r.anomalies = 0
	return n
}

// Anomaly counts cells more, of which the caller knows that they are no good.
func (r *Rows) Anomaly(cells int64) { r.anomalies += cells }

// Kept returns how many bytes the texts have that were read so far.
func (r *Rows) Kept() int64 { return r.kept }

// Rest are the cells of the row that were not read yet, as the driver returns them.
func (r *Rows) Rest() []any { return r.rest }

// Scan reads the next cells of the row into variables, each as its type, and returns how
// many of them are anomalies:
//
//   - an any is the cell as the driver returns it;
//   - an *int64 is a whole number, also one that is written as a text, or as a real number
//     that loses nothing;
//   - a *float64 is a number that is finite, also one that is written as a text;
//   - a *string is a text: valid UTF-8 of at most MaxText bytes;
//   - a *time.Time is a timestamp, see MinTime and MaxTime;
//   - an int64 and a string are the same where NULL is an anomaly, too.
func (r *Rows) Scan(variables ...any) (anomalies int64) {
	for i, variable := range variables {
		value, ok := r.rest[i], true
		switch v := variable.(type) {
		case *any:
			*v = value
		case *int64:
			*v, ok = Whole(value)
		case *string:
			*v, ok = r.Text(value)
		case **int64:
			*v, ok = pointer(value, Whole)
		case **float64:
			*v, ok = pointer(value, finite)
		case **string:
			*v, ok = pointer(value, r.Text)
		case **time.Time:
			*v, ok = pointer(value, timeOf)
		}
		if !ok {
			anomalies++
		}
	}
	r.rest = r.rest[len(variables):]
	r.anomalies += anomalies
	return anomalies
}

// pointer is nil for NULL, and for what is no such value, which is not ok.
func pointer[T any](value any, read func(any) (T, bool)) (*T, bool) {
	if value == nil {
		return nil, true
	}
	found, ok := read(value)
	if !ok {
		return nil, false
	}
	return &found, true
}

// timeOf is a value as a timestamp, if it is one: seconds since 1970, or a text.
func timeOf(value any) (time.Time, bool) {
	seconds, ok := value.(int64)
	if text, isText := value.(string); isText {
		seconds, ok = parseTime(text)
	}
	return time.Unix(seconds, 0).UTC(), ok && seconds >= MinTime && seconds < MaxTime
}

// Whole is a value as a whole number, if it is one.
func Whole(value any) (int64, bool) {
	switch value := value.(type) {
	case int64:
		return value, true
	case float64:
		return int64(value), value == math.Trunc(value) && math.Abs(value) <= 1<<53
	case string:
		if number, err := strconv.ParseInt(strings.Trim(value, spaces), 10, 64); err == nil {
			return number, true
		}
		if number, ok := finite(value); ok {
			return Whole(number)
		}
	}
	return 0, false
}

// finite is a value as a number that JSON can hold, if it is one. Of the forms that Go
// knows for a text only decimal digits count.
func finite(value any) (float64, bool) {
	switch value := value.(type) {
	case int64:
		return float64(value), true
	case float64:
		return value, !math.IsInf(value, 0) && !math.IsNaN(value)
	case string:
		number, err := strconv.ParseFloat(strings.Trim(value, spaces), 64)
		return number, err == nil && strings.Trim(value, spaces+"+-.0123456789eE") == ""
	}
	return 0, false
}

// spaces are those around a number that SQLite leaves out.
const spaces = " \t\n\v\f\r"

// Text is a value as a text, if it is one. What is not UTF-8 is replaced by U+FFFD, and a
// long text is cut between two characters.
func (r *Rows) Text(value any) (string, bool) {
	text, ok := value.(string)
	text = strings.ToValidUTF8(text[:min(len(text), CutText)], string(utf8.RuneError))
	if len(text) > MaxText {
		text = strings.Clone(strings.ToValidUTF8(text[:MaxText], "")) // so that the rest can go
	}
	r.kept += int64(len(text))
	return text, ok
}
