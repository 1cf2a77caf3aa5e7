package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orchmetrics/orchmetrics"
)

// values read the values of flags and settings. The parser's own mappers would do,
// but they do not say what would be right.
func values() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[orchmetrics.Switch](), kong.MapperFunc(decodeSwitch)),
		kong.TypeMapper(reflect.TypeFor[[]string](), kong.MapperFunc(decodeList)),
		kong.KindMapper(reflect.String, decoding("text", func(text string) (string, error) { return text, nil })),
		kong.KindMapper(reflect.Int, decoding("whole number", strconv.Atoi)),
		kong.KindMapper(reflect.Uint64, decoding("whole number of 0 or more", func(text string) (uint64, error) {
			return strconv.ParseUint(text, 10, 64)
		})),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), decoding("duration, such as 500ms, 5s or 1m30s", time.ParseDuration)),
		kong.TypeMapper(reflect.TypeFor[orchmetrics.Percent](), decoding("percentage", func(text string) (p orchmetrics.Percent, err error) {
			return p, p.UnmarshalText([]byte(text))
		})),
		kong.TypeMapper(reflect.TypeFor[slog.Level](), decoding("level", func(text string) (l slog.Level, err error) {
			return l, l.UnmarshalText([]byte(text))
		})),
	}
}

// decoding reads a value with a function that takes its text. What names what is
// wanted.
func decoding[T any](what string, parse func(text string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		text, err := valueOf(ctx)
		if err != nil {
			return err
		}
		value, err := parse(text)
		if err != nil {
			return fmt.Errorf("%q is no %s%s", text, what, allowed(ctx.Value))
		}
		target.Set(reflect.ValueOf(value).Convert(target.Type()))
		return nil
	}
}

// allowed says which values a flag may have, if its tag does.
func allowed(value *kong.Value) string {
	if which := value.Tag.Get("values"); which != "" {
		return "; allowed: " + which
	}
	return ""
}

// negative is a number that begins as a flag does.
var negative = regexp.MustCompile(`^-[0-9]`)

// valueOf takes the text of a flag's value, or of an argument, off the line.
func valueOf(ctx *kong.DecodeContext) (string, error) {
	token := ctx.Scan.Pop()
	switch text := token.String(); {
	case token.IsEOL():
		return "", fmt.Errorf("a value is missing; write %s", ctx.Value.Summary())
	case token.IsValue(), negative.MatchString(text):
		return text, nil
	default:
		return "", fmt.Errorf("a value is missing before %s; write %s", text, ctx.Value.Summary())
	}
}

// decodeSwitch turns a setting on if it stands alone, as flags without a value do,
// and else says what its value says, which may follow as a word of its own.
func decodeSwitch(ctx *kong.DecodeContext, target reflect.Value) error {
	value := orchmetrics.Switch(true)
	token := ctx.Scan.Peek()
	err := value.UnmarshalText([]byte(token.String()))
	switch {
	case token.Type == kong.FlagValueToken && err != nil:
		return err //nolint:wrapcheck // says what would be right
	case token.Type == kong.FlagValueToken, token.Type == kong.UntypedToken && err == nil:
		ctx.Scan.Pop()
	default:
		value = true
	}
	target.SetBool(bool(value))
	return nil
}

// decodeList appends what a flag lists. It may be given more than once.
func decodeList(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := valueOf(ctx)
	if err != nil {
		return err
	}
	target.Set(reflect.AppendSlice(target, reflect.ValueOf(kong.SplitEscaped(text, ctx.Value.Tag.Sep))))
	return nil
}
