package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// section is one section of the service, with what is known of it beforehand.
type section struct {
	key      string
	core     bool // its value has a field of its own in the envelope
	source   ports.Section
	guard    *guard        // of the service
	fallback any           // what the envelope shows without a value
	timeout  time.Duration // less than the scrape's; 0 for the scrape's
	cache    *ttlCache     // nil for a section that is collected at every scrape
	given    *outcome      // what is shown without asking it; nil for a section that is asked

	origin  string // of a section that was listed: where it comes from
	missing bool   // it was listed before, and cannot be now
}

// outcome is what came of asking a section once.
type outcome struct {
	key     string
	refused bool // it is no section, and the key only that of the report
	value   any
	report  domain.SectionReport
	err     error // the cause, for the log
}

func (s *Service) newSection(source ports.Section) (*section, error) {
	if source == nil {
		return nil, errors.New("add section: it is nil")
	}
	key := source.Key()
	if !domain.WellFormed(key) {
		return nil, fmt.Errorf("add section %q: a key is up to 63 lower-case letters, digits and underscores, beginning with a letter", key)
	}
	if domain.Reserved(key) {
		return nil, fmt.Errorf("add section %q: the envelope uses this key itself", key)
	}
	added := &section{key: key, core: domain.Core(key), source: source, guard: &s.guard}
	var err error
	if added.fallback, err = recovered(added.describe); err != nil {
		return nil, fmt.Errorf("add section %q: its default: %w", key, err)
	}
	if slices.Contains(s.opts.Disabled, key) {
		added.given = &outcome{key: key, value: added.fallback, report: domain.SectionReport{Status: domain.StatusDisabled}}
	}
	return added, nil
}

// describe asks the section for what it says of itself, and returns its default.
func (s *section) describe() (fallback any, err error) {
	if timed, ok := s.source.(ports.Timed); ok {
		s.timeout = max(0, timed.Timeout())
	}
	if paced, ok := s.source.(ports.Paced); ok && paced.MinInterval() > 0 {
		s.cache = &ttlCache{ttl: paced.MinInterval()}
	}
	fallback = s.source.Default()
	if !s.core {
		fallback, err = encode(fallback)
	}
	if err == nil {
		err = new(domain.Envelope).Set(s.key, fallback)
	}
	return fallback, err
}

// run asks the section. It returns before the context's deadline is long past,
// whatever the section does.
func (s *section) run(ctx context.Context) outcome {
	if s.given != nil {
		return *s.given
	}
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	began := time.Now()
	start := func() *call[ports.Collected] { return begin(ctx, s.guard, s.key, s.collect) }
	var collected ports.Collected
	var err error
	if s.cache == nil {
		collected, err = start().wait(ctx)
	} else {
		collected, err = s.cache.get(ctx, start)
	}
	o := outcome{key: s.key, value: s.fallback, report: domain.SectionReport{
		Status:     domain.StatusOK,
		DurationMS: float64(time.Since(began).Microseconds()) / 1000,
		Rows:       collected.Rows,
		Truncated:  collected.Truncated,
		Anomalies:  collected.Anomalies,
	}}
	o.report.RecountedAt = sanitizeTime(collected.CountedAt, &o.report.Anomalies)
	o.report.AsOf = sanitizeTime(collected.AsOf, &o.report.Anomalies)
	if err != nil {
		o.fail(err)
	}
	if collected.Value != nil {
		o.value = collected.Value
		if err != nil {
			o.report.Status = domain.StatusDegraded
		}
	}
	return o
}

// collect runs within the isolation, encoding included.
func (s *section) collect(ctx context.Context) (ports.Collected, error) {
	value, err := s.source.Collect(ctx)
	collected, wrapped := value.(ports.Collected)
	if !wrapped {
		collected.Value = value
	}
	switch v := reflect.ValueOf(collected.Value); {
	case !v.IsValid(), slices.Contains(nillable, v.Kind()) && v.IsNil():
		if err != nil {
			return ports.Collected{}, err
		}
		collected.Value = nil
	case !s.core:
		encoded, invalid := encode(collected.Value)
		if invalid != nil {
			return ports.Collected{}, errors.Join(invalid, err)
		}
		collected.Value = encoded
	}
	return collected, err
}

// nillable are the kinds of what Go code most often returns as nil beside an error.
var nillable = []reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}

// encode returns the value of a section beside the core as the envelope holds it: as
// JSON, so that it cannot spoil the rest.
func encode(value any) (any, error) {
	encoded, err := domain.Encode(value)
	if err != nil {
		return nil, fmt.Errorf("encode: %w: %w", domain.CodeInvalidValue, err)
	}
	if err := domain.CheckValue(encoded); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return json.RawMessage(encoded), nil
}

// fail puts an error into the report of a section that has no value.
func (o *outcome) fail(err error) {
	code := codeOf(err)
	o.err, o.report.Code = err, &code
	switch code {
	case domain.CodeTimeout, domain.CodeStuck:
		o.report.Status = domain.StatusTimeout
	case domain.CodeNotInProfile:
		o.report.Status = domain.StatusDisabled
	default:
		o.report.Status = domain.StatusFailed
	}
}

// What JSON cannot hold would cost the whole section, whichever adapter it came
// from. Such a value becomes null and counts as an anomaly. The values that
// sources hand out are shared, so that a new one takes the place of a bad one.

// sanitizeNumber returns a number that is finite, or nil.
func sanitizeNumber(number *float64, anomalies *int64) *float64 {
	if number == nil || !math.IsInf(*number, 0) && !math.IsNaN(*number) {
		return number
	}
	*anomalies++
	return nil
}

// sanitizeTime returns a time in UTC that JSON can show, or nil.
func sanitizeTime(at *time.Time, anomalies *int64) *time.Time {
	switch {
	case at == nil:
		return nil
	case !domain.Showable(*at):
		*anomalies++
		return nil
	default:
		return new(at.UTC())
	}
}
