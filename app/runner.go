package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// runner asks one section and says how it went.
type runner struct {
	key      string
	section  ports.Section
	disabled bool
	fallback any           // what the envelope shows without a value
	timeout  time.Duration // less than the scrape's; 0 for the scrape's
	pace     *pace         // nil for a section that is collected at every scrape
	guard    *guard

	measuring guard // of the section's metrics
}

// outcome is what came of asking a section once.
type outcome struct {
	key     string
	refused bool // the key is only that of the report: there is no such section
	value   any
	report  domain.SectionReport
	err     error // the cause, for the log
}

func newRunner(section ports.Section, disabled []string) (*runner, error) {
	if section == nil {
		return nil, errors.New("add section: it is nil")
	}
	key := section.Key()
	if !domain.WellFormed(key) {
		return nil, fmt.Errorf("add section %q: a key is up to 63 lower-case letters, digits and underscores, beginning with a letter", key)
	}
	if domain.Reserved(key) {
		return nil, fmt.Errorf("add section %q: the envelope uses this key itself", key)
	}
	r := &runner{key: key, section: section, disabled: slices.Contains(disabled, key), guard: &guard{}}
	fallback, err := recovered(context.Background(), func(context.Context) (any, error) {
		r.askOptions()
		fallback, err := shown(key, section.Default())
		if err == nil {
			err = new(domain.Envelope).Set(key, fallback)
		}
		return fallback, err
	})
	if err != nil {
		return nil, fmt.Errorf("add section %q: its default: %w", key, err)
	}
	r.fallback = fallback
	return r, nil
}

// askOptions asks the section for what it may say of itself.
func (r *runner) askOptions() {
	if timed, ok := r.section.(ports.Timed); ok {
		r.timeout = max(0, timed.Timeout())
	}
	if paced, ok := r.section.(ports.Paced); ok && paced.MinInterval() > 0 {
		r.pace = &pace{interval: paced.MinInterval()}
	}
}

// within is the section's own deadline, which is never later than the scrape's.
func (r *runner) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, r.timeout)
}

// shown is a section's value as the envelope holds it: a core section's as it
// is, any other encoded, so that it cannot spoil the rest.
func shown(key string, value any) (any, error) {
	if domain.Core(key) {
		return value, nil
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode: %w: %w", domain.CodeInvalidValue, err)
	}
	if domain.TooDeep(encoded) {
		return nil, fmt.Errorf("encode: nested too deep: %w", domain.CodeInvalidValue)
	}
	if domain.Overflows(encoded) {
		return nil, fmt.Errorf("encode: a number is beyond a float: %w", domain.CodeInvalidValue)
	}
	return json.RawMessage(encoded), nil
}

// run asks the section. It returns before the context's deadline is long past,
// whatever the section does.
func (r *runner) run(ctx context.Context) outcome {
	if recorded, _ := ports.RecordedOf(ctx); r.disabled || slices.Contains(recorded.Disabled, r.key) {
		return outcome{key: r.key, value: r.fallback, report: domain.SectionReport{Status: domain.StatusDisabled}}
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	began := time.Now()
	collected, err := r.pace.collect(ctx, func() *call[ports.Collected] { return begin(ctx, r.guard, r.collect) })
	collected.Anomalies += toUTC(&collected.CountedAt) + toUTC(&collected.AsOf)
	o := outcome{
		key:   r.key,
		value: collected.Value,
		err:   err,
		report: domain.SectionReport{
			Status:      domain.StatusOK,
			DurationMS:  milliseconds(time.Since(began)),
			Rows:        collected.Rows,
			Truncated:   collected.Truncated,
			Anomalies:   collected.Anomalies,
			RecountedAt: collected.CountedAt,
			AsOf:        collected.AsOf,
		},
	}
	if err != nil {
		o.fail(err)
		if collected.Value != nil {
			o.report.Status = domain.StatusDegraded
		}
	}
	if collected.Value == nil {
		o.value = r.fallback
	}
	return o
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// collect runs within the isolation, encoding included.
func (r *runner) collect(ctx context.Context) (ports.Collected, error) {
	value, err := r.section.Collect(ctx)
	collected, wrapped := value.(ports.Collected)
	if !wrapped {
		collected.Value = value
	}
	if absent(collected.Value) {
		if err != nil {
			return ports.Collected{}, err
		}
		collected.Value = nil
		return collected, nil
	}
	encodable, invalid := shown(r.key, collected.Value)
	if invalid != nil {
		return ports.Collected{}, errors.Join(invalid, err)
	}
	collected.Value = encodable
	return collected, err
}

// absent tells whether a value is nil, or a pointer, slice or map that is: what
// Go code most often returns beside an error.
func absent(value any) bool {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	default:
		return false
	}
}

// fail puts an error into the report of a section that has no value.
func (o *outcome) fail(err error) {
	code := codeOf(err)
	o.err = err
	o.report.Code = &code
	o.report.Status = domain.StatusFailed
	if code == domain.CodeTimeout || code == domain.CodeStuck {
		o.report.Status = domain.StatusTimeout
	}
}

// codeOf returns the code that an error shows as: that of the first error in it
// that has one.
func codeOf(err error) domain.Code {
	var code domain.Code
	switch {
	case errors.As(err, &code):
		return code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return domain.CodeTimeout
	default:
		return domain.CodeSourceFailed
	}
}

// join is errors.Join without repeating itself: sources that share a database
// share its fault.
func join(errs ...error) error {
	var distinct []error
	for _, err := range errs {
		same := func(other error) bool { return other.Error() == err.Error() }
		if err != nil && !slices.ContainsFunc(distinct, same) {
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}
