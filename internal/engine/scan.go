package engine

import "time"

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
			var text string
			text, ok = value.(string)
			*v = clean(text)
		case **int64:
			*v, ok = pointer(value, Whole)
		case **float64:
			*v, ok = pointer(value, finite)
		case **string:
			*v, ok = pointer(value, func(value any) (string, bool) {
				text, ok := value.(string)
				return clean(text), ok
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
