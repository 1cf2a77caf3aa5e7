package portstest

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// fixedSection has a list of one number, or what a test puts in its place.
type fixedSection struct {
	key      string
	fallback any
	collect  func(context.Context) (any, error)
}

var _ ports.Section = fixedSection{}

func (s fixedSection) Key() string                              { return s.key }
func (s fixedSection) Default() any                             { return s.fallback }
func (s fixedSection) Collect(ctx context.Context) (any, error) { return s.collect(ctx) }

func fixed() fixedSection {
	return fixedSection{key: "numbers", fallback: []int{}, collect: func(context.Context) (any, error) {
		return ports.Collected{Value: []int{1}, Rows: new(int64(1))}, nil
	}}
}

func TestFixedSectionPasses(t *testing.T) {
	t.Parallel()
	Section(t, func(testing.TB) ports.Section { return fixed() })
	Section(t, func(testing.TB) ports.Section {
		s := fixed()
		s.fallback = nil
		s.collect = func(context.Context) (any, error) { return nil, domain.CodeSourceFailed }
		return s
	})
}

func TestSectionFailsWhatIsBroken(t *testing.T) {
	t.Parallel()
	broken := func(name, check string, alter func(*fixedSection)) fault[ports.Section] {
		return fault[ports.Section]{name, func(testing.TB, Data) ports.Section {
			s := fixed()
			alter(&s)
			return s
		}, check}
	}
	collects := func(value any) func(*fixedSection) {
		return func(s *fixedSection) { s.collect = func(context.Context) (any, error) { return value, nil } }
	}
	requireCaught(t, sectionChecks(), []fault[ports.Section]{
		broken("a key in capitals", "key", func(s *fixedSection) { s.key = "Numbers" }),
		broken("a key that is too long", "key", func(s *fixedSection) { s.key = strings.Repeat("n", 64) }),
		broken("a value that readers refuse", "a value that can be encoded", collects(json.Number("1e999"))),
		broken("a value too deep for readers", "a value that can be encoded",
			collects(json.RawMessage(strings.Repeat("[", 61)+strings.Repeat("]", 61)))),
		broken("a key of the envelope's", "key", func(s *fixedSection) { s.key = "sections" }),
		broken("a default that claims something", "default", func(s *fixedSection) { s.fallback = map[string]int{} }),
		broken("a value that cannot be encoded", "a value that can be encoded", collects(math.NaN())),
		broken("rows that are not there", "a value that can be encoded",
			collects(ports.Collected{Value: []int{1}, Rows: new(int64(2))})),
		broken("a value that is written to again", "values stay as they were handed out", func(s *fixedSection) {
			kept := []int{0}
			s.collect = func(context.Context) (any, error) {
				kept[0]++
				return kept, nil
			}
		}),
		broken("deaf to the context", "a context that has ended", func(s *fixedSection) {
			s.collect = func(ctx context.Context) (any, error) {
				if ctx.Err() != nil {
					<-t.Context().Done()
				}
				return []int{}, nil
			}
		}),
	})
}
