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
	dest      []any // pointers to values, for Scan
	next      int
	anomalies int64
	kept      int64
}

// Next goes on to the next row; false if there is none, or after an error.
func (r *Rows) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	r.next = 0
	if err := r.rows.Scan(r.dest...); err != nil {
		r.err = fmt.Errorf("scan row: %w", err)
		return false
	}
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

// Found returns how many anomalies were found since Anomalies was last asked.
func (r *Rows) Found() int64 { return r.anomalies }

// Kept returns how many bytes the texts have that were read so far.
func (r *Rows) Kept() int64 { return r.kept }

// Value reads a cell as the driver returns it.
func (r *Rows) Value() any {
	value := r.values[r.next]
	r.next++
	return value
}

// Rest are the cells that were not read yet, as the driver returns them.
func (r *Rows) Rest() []any {
	rest := r.values[r.next:]
	r.next = len(r.values)
	return rest
}

// Integer reads a whole number, also one that is written as a text or as a real
// number that loses nothing.
func (r *Rows) Integer() (number *int64) {
	r.Scan(&number)
	return number
}

// Real reads a number that is finite, also one that is written as a text.
func (r *Rows) Real() (number *float64) {
	r.Scan(&number)
	return number
}

// Text reads a text: valid UTF-8 of at most MaxText bytes.
func (r *Rows) Text() (text *string) {
	r.Scan(&text)
	return text
}

// Time reads a timestamp, see MinTime and MaxTime.
func (r *Rows) Time() (at *time.Time) {
	r.Scan(&at)
	return at
}

// Name reads a text that cannot be NULL; empty and an anomaly if it is.
func (r *Rows) Name() (name string) {
	r.Scan(&name)
	return name
}

// Ref reads an id that need not be a number, as a text: a text, a whole number, or a
// blob of 16 bytes, which is a UUID. An empty text is nobody's id, as NULL is.
func (r *Rows) Ref() *string {
	const uuid = 16
	switch value := r.Value().(type) {
	case nil:
		return nil
	case string:
		if value == "" {
			return nil
		}
		return new(r.clean(value))
	case int64:
		return new(strconv.FormatInt(value, 10))
	case []byte:
		if len(value) == uuid {
			return new(fmt.Sprintf("%x-%x-%x-%x-%x", value[:4], value[4:6], value[6:8], value[8:10], value[10:]))
		}
	}
	r.anomalies++
	return nil
}

// Count reads a whole number for which NULL is 0, such as the sum of no rows.
func (r *Rows) Count() int64 {
	number, _ := Whole(r.Value())
	return number
}

// Scan reads the cells of a row that were not read yet into variables, each as its type:
// a pointer to a pointer is nil where the cell is NULL or no such value, one to a value
// is for what cannot be NULL. See the methods of those names for what counts as a number,
// a text or a time. What is no such value is an anomaly.
func (r *Rows) Scan(variables ...any) {
	for _, variable := range variables {
		value, ok := r.values[r.next], true
		r.next++
		switch v := variable.(type) {
		case *any:
			*v = value
		case *int64:
			*v, ok = value.(int64)
		case *string:
			*v, ok = value.(string)
			*v = r.clean(*v)
		case **int64:
			*v, ok = pointer(value, Whole)
		case **float64:
			*v, ok = pointer(value, finite)
		case **string:
			*v, ok = pointer(value, func(value any) (string, bool) {
				text, ok := value.(string)
				return r.clean(text), ok
			})
		case **time.Time:
			*v, ok = pointer(value, timeOf)
		}
		if !ok {
			r.anomalies++
		}
	}
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

// timeOf is a value as a timestamp: seconds since 1970 or a text, see ParseTime, between
// MinTime and MaxTime.
func timeOf(value any) (time.Time, bool) {
	seconds, ok := value.(int64)
	if text, isText := value.(string); isText {
		seconds, ok = ParseTime(text)
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
		text := trim(value)
		if number, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64); err == nil {
			return number, plain(text)
		}
		if number, ok := finite(text); ok {
			return Whole(number)
		}
	}
	return 0, false
}

// finite is a value as a number that JSON can hold, if it is one.
func finite(value any) (float64, bool) {
	switch value := value.(type) {
	case int64:
		return float64(value), true
	case float64:
		return value, !math.IsInf(value, 0) && !math.IsNaN(value)
	case string:
		text := trim(value)
		number, err := strconv.ParseFloat(text, 64)
		return number, err == nil && plain(text)
	}
	return 0, false
}

// trim leaves out the spaces around a number, which are those that SQLite leaves out.
func trim(text string) string { return strings.Trim(text, " \t\n\v\f\r") }

// plain tells whether a number is written in decimal digits: Go knows more forms.
func plain(text string) bool {
	return text != "" && strings.Trim(text, "+-.0123456789eE") == "" && !strings.Contains(text, "_")
}

// clean replaces what is not UTF-8 by U+FFFD and cuts a long text between two
// characters.
func (r *Rows) clean(text string) string {
	text = text[:min(len(text), CutText)]
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) > MaxText {
		end := MaxText
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = strings.Clone(text[:end]) // so that the rest can go
	}
	r.kept += int64(len(text))
	return text
}
