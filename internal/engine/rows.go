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

	texts    places[string]
	integers places[int64]
	reals    places[float64]
	times    places[time.Time]
}

// places are where values lie that are pointed to. To allocate many at once costs
// less than each on its own.
type places[T any] []T

func (p *places[T]) put(value T) *T {
	if len(*p) == cap(*p) {
		*p = make([]T, 0, 64)
	}
	*p = append(*p, value)
	return &(*p)[len(*p)-1]
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
func (r *Rows) Integer() *int64 {
	value := r.Value()
	if value == nil {
		return nil
	}
	if number, ok := Whole(value); ok {
		return r.integers.put(number)
	}
	r.anomalies++
	return nil
}

// Real reads a number that is finite, also one that is written as a text.
func (r *Rows) Real() *float64 {
	value := r.Value()
	if value == nil {
		return nil
	}
	if number, ok := finite(value); ok {
		return r.reals.put(number)
	}
	r.anomalies++
	return nil
}

// Text reads a text: valid UTF-8 of at most MaxText bytes.
func (r *Rows) Text() *string {
	switch value := r.Value().(type) {
	case nil:
		return nil
	case string:
		return r.text(value)
	default:
		r.anomalies++
		return nil
	}
}

func (r *Rows) text(value string) *string {
	value = clean(value)
	r.kept += int64(len(value))
	return r.texts.put(value)
}

// Ref reads an id that need not be a number, as a text: a text, a whole number, or a
// blob of 16 bytes, which is a UUID.
func (r *Rows) Ref() *string {
	const uuid = 16
	switch value := r.Value().(type) {
	case nil:
		return nil
	case string:
		return r.text(value)
	case int64:
		return r.text(strconv.FormatInt(value, 10))
	case []byte:
		if len(value) == uuid {
			return r.text(fmt.Sprintf("%x-%x-%x-%x-%x", value[:4], value[4:6], value[6:8], value[8:10], value[10:]))
		}
	}
	r.anomalies++
	return nil
}

// Time reads a timestamp, see MinTime and MaxTime.
func (r *Rows) Time() *time.Time {
	value := r.Value()
	if value == nil {
		return nil
	}
	if at, ok := timeOf(value); ok {
		return r.times.put(at)
	}
	r.anomalies++
	return nil
}

// ID reads a whole number that cannot be NULL; 0 and an anomaly if it is.
func (r *Rows) ID() int64 {
	if value, ok := r.Value().(int64); ok {
		return value
	}
	r.anomalies++
	return 0
}

// Name reads a text that cannot be NULL; empty and an anomaly if it is.
func (r *Rows) Name() string {
	if value, ok := r.Value().(string); ok {
		return *r.text(value)
	}
	r.anomalies++
	return ""
}

// Count reads a whole number for which NULL is 0, such as the sum of no rows.
func (r *Rows) Count() int64 {
	number, _ := Whole(r.Value())
	return number
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
func clean(text string) string {
	text = text[:min(len(text), CutText)]
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= MaxText {
		return text
	}
	end := MaxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end]) // so that the rest can go
}
