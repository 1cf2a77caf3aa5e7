package workerstate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// byteOrderMark may begin a text in UTF-8; RFC 8259, section 8.1, lets a reader of
// JSON pass over it.
const byteOrderMark = "\ufeff"

// maxExact is the greatest float below which all whole numbers are floats.
const maxExact = 1 << 53

// parse reads the content of a state file: one JSON object, and when it was
// written. Unknown keys are ignored, and a missing one is null, but for the time of
// update. A value that is not of its type becomes nil, which costs the others
// nothing; the error then is a *ports.UnreadableError.
func parse(data []byte, written time.Time) (*domain.Worker, error) {
	var fields map[string]json.RawMessage // a struct's fields would match keys in another case too
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &fields); err != nil {
		return nil, fmt.Errorf("parse worker state: %w: %w", domain.CodeWorkerStateInvalid, err)
	}
	if fields == nil {
		return nil, fmt.Errorf("parse worker state: not an object: %w", domain.CodeWorkerStateInvalid)
	}
	unreadable := &ports.UnreadableError{Code: domain.CodeWorkerStateInvalid}
	worker := domain.Worker{
		Breaker:        deref(field(fields, "breaker", breaker, unreadable)),
		MaxConcurrency: field(fields, "max_concurrency", wholeNumber, unreadable),
		PollInterval:   field(fields, "poll_interval", number, unreadable),
	}
	if stated(fields["updated_at"]) {
		worker.WorkerUpdatedAt = field(fields, "updated_at", timestamp, unreadable)
	} else if at, err := plausible(written.Truncate(time.Millisecond)); err == nil {
		worker.WorkerUpdatedAt = &at
	} else {
		unreadable.Values = append(unreadable.Values, "the time of the file is "+err.Error())
	}
	if len(unreadable.Values) > 0 {
		return &worker, unreadable
	}
	return &worker, nil
}

// stated tells whether a key is there and not null.
func stated(value json.RawMessage) bool {
	return value != nil && string(bytes.TrimSpace(value)) != "null"
}

// field reads the value of a key; nil if there is none, or none that can be read.
func field[T any](
	fields map[string]json.RawMessage, key string, read func(json.RawMessage) (T, error), unreadable *ports.UnreadableError,
) *T {
	if !stated(fields[key]) {
		return nil
	}
	value, err := read(fields[key])
	if err != nil {
		unreadable.Values = append(unreadable.Values, key+" is "+err.Error())
		return nil
	}
	return &value
}

func deref(value *json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	return *value
}

func breaker(value json.RawMessage) (json.RawMessage, error) {
	worker := domain.Worker{Breaker: value}
	if worker.Validate() != nil {
		return nil, errors.New("no object that an answer can show")
	}
	return value, nil
}

// wholeNumber also takes 4.0 and 4e0, as a language writes them that has one type
// of number.
func wholeNumber(value json.RawMessage) (int64, error) {
	if whole, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return whole, nil
	}
	float, err := number(value)
	if err != nil || float != math.Trunc(float) || math.Abs(float) > maxExact {
		return 0, errors.New("no whole number of 64 bits")
	}
	return int64(float), nil
}

func number(value json.RawMessage) (float64, error) {
	var float float64
	if err := json.Unmarshal(value, &float); err != nil {
		return 0, errors.New("no number that a float can hold")
	}
	return float, nil
}

// timestamp reads RFC 3339, which allows T and Z in lower case (section 5.6).
func timestamp(value json.RawMessage) (time.Time, error) {
	var text string
	var at time.Time
	if json.Unmarshal(value, &text) != nil || at.UnmarshalText([]byte(strings.ToUpper(text))) != nil {
		return time.Time{}, errors.New("no time of RFC 3339")
	}
	return plausible(at)
}

// plausible returns a time in UTC, if it is one that a clock may have shown.
func plausible(at time.Time) (time.Time, error) {
	if at = at.UTC(); at.Year() < 2000 || at.Year() > 2199 {
		return time.Time{}, errors.New("no date from 2000 to 2199")
	}
	return at, nil
}
