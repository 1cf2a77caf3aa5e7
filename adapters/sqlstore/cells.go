package sqlstore

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxText is where a long text is cut, in bytes.
	maxText = 4096
	// cutText is how much of it is looked at: enough that it ends between characters.
	cutText = maxText + utf8.UTFMax
)

// cells reads one row from left to right and never fails: a cell that is not of
// the type asked for is nil and one anomaly. SQLite lets any cell hold any type,
// and one bad cell must not cost the row, let alone the section.
type cells struct {
	values    []any
	dest      []any // pointers to values, for Scan
	next      int
	anomalies int64

	texts    places[string]
	integers places[int64]
	reals    places[float64]
	instants places[time.Time]
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

func newCells(columns int) *cells {
	c := &cells{values: make([]any, columns), dest: make([]any, columns)}
	for i := range c.values {
		c.dest[i] = &c.values[i]
	}
	return c
}

func (c *cells) take() any {
	value := c.values[c.next]
	c.next++
	return value
}

// takeAnomalies returns the anomalies since it was last called.
func (c *cells) takeAnomalies() int64 {
	n := c.anomalies
	c.anomalies = 0
	return n
}

// integer reads a cell of integerOf.
func (c *cells) integer() *int64 {
	switch value := c.take().(type) {
	case nil:
		return nil
	case int64:
		return c.integers.put(value)
	default:
		c.anomalies++
		return nil
	}
}

// number reads an integer that cannot be null; 0 and an anomaly if it is.
func (c *cells) number() int64 {
	if value, ok := c.take().(int64); ok {
		return value
	}
	c.anomalies++
	return 0
}

// orZero reads an integer for which NULL is 0, such as the sum of no rows.
func (c *cells) orZero() int64 {
	value, _ := c.take().(int64)
	return value
}

// real reads a cell of realOf. A sum of finite numbers may still be infinite.
func (c *cells) real() *float64 {
	switch value := c.take().(type) {
	case nil:
		return nil
	case int64:
		return c.reals.put(float64(value))
	case float64:
		if !math.IsInf(value, 0) && !math.IsNaN(value) {
			return c.reals.put(value)
		}
	}
	c.anomalies++
	return nil
}

// text reads a cell of textOf: valid UTF-8 of at most maxText bytes.
func (c *cells) text() *string {
	switch value := c.take().(type) {
	case nil:
		return nil
	case string:
		return c.texts.put(clean(value))
	default:
		c.anomalies++
		return nil
	}
}

// name reads a text that cannot be null; empty and an anomaly if it is.
func (c *cells) name() string {
	if value, ok := c.take().(string); ok {
		return clean(value)
	}
	c.anomalies++
	return ""
}

// instant reads a cell of epochOf.
func (c *cells) instant() *time.Time {
	seconds := c.integer()
	if seconds == nil {
		return nil
	}
	return c.instants.put(time.Unix(*seconds, 0).UTC())
}

// clean replaces what is not UTF-8 by U+FFFD and cuts a long text between two
// characters.
func clean(text string) string {
	text = text[:min(len(text), cutText)]
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end]) // so that the rest can go
}
