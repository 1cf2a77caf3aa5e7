package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// object is a JSON object whose numbers are as they were sent.
type object = map[string]any

func decode(t *testing.T, body []byte) object {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var envelope object
	require.NoError(t, decoder.Decode(&envelope), "%s", body)
	return envelope
}

// at follows keys; what is not there is nil.
func at(value any, keys ...string) any {
	for _, key := range keys {
		inner, _ := value.(object)
		value = inner[key]
	}
	return value
}

// list returns the objects of a list.
func list(value any) []object {
	items, _ := value.([]any)
	var objects []object
	for _, item := range items {
		objects = append(objects, item.(object))
	}
	return objects
}

func or(text, otherwise string) string {
	if text == unknown {
		return otherwise
	}
	return text
}

// plain is a text or a number as it is.
func plain(value any) string {
	if value == nil {
		return unknown
	}
	return fmt.Sprint(value)
}

func whole(value any) string {
	if value == nil {
		return unknown
	}
	digits, negative := strings.CutPrefix(fmt.Sprint(value), "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if negative {
		return "−" + digits
	}
	return digits
}

func many(value any, one, several string) string {
	if fmt.Sprint(value) == "1" {
		return "1 " + one
	}
	return whole(value) + " " + several
}

// fixed rounds a number that is not negative, half up, as JavaScript does.
func fixed(x float64, digits int) string {
	shift := int64(math.Pow10(digits))
	shifted := new(big.Rat).SetFloat64(x)
	shifted.Mul(shifted, big.NewRat(shift, 1)).Add(shifted, big.NewRat(1, 2))
	floor := new(big.Int).Div(shifted.Num(), shifted.Denom())
	return new(big.Rat).SetFrac(floor, big.NewInt(shift)).FloatString(digits)
}

func number(value any) float64 {
	f, err := value.(json.Number).Float64()
	if err != nil {
		return math.NaN()
	}
	return f
}

// span is a number of seconds in its two largest units.
func span(value any) string {
	if value == nil {
		return unknown
	}
	seconds := int64(number(value))
	sign := ""
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	d := time.Duration(seconds) * time.Second
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%s%d s", sign, seconds)
	case d < time.Hour:
		return fmt.Sprintf("%s%d min %d s", sign, seconds/60, seconds%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%s%d h %d min", sign, seconds/3600, seconds/60%60)
	default:
		return fmt.Sprintf("%s%s d %d h", sign, whole(seconds/86400), seconds/3600%24)
	}
}

// dollars has two decimals.
func dollars(value any) string {
	if value == nil {
		return unknown
	}
	amount := number(value)
	if amount != 0 && math.Abs(amount) < 0.005 {
		return "<$0.01"
	}
	units, cents, _ := strings.Cut(fixed(amount, 2), ".")
	return "$" + whole(units) + "." + cents
}

// three is a number of three significant digits at most.
func three(value any) string {
	n, unit := number(value), 0
	for ; n >= 999.5; unit++ {
		n /= 1000
	}
	text := strconv.FormatFloat(n, 'g', 3, 64)
	return text + []string{"", "K", "M", "B", "T"}[unit]
}

func size(value any) string {
	if value == nil {
		return unknown
	}
	amount := number(value)
	unit := 0
	for ; amount >= 1024; unit++ {
		amount /= 1024
	}
	digits := 0
	if unit > 0 && amount < 10 {
		digits = 1
	}
	return fixed(amount, digits) + " " + []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}

func percent(fraction float64, known bool) string {
	if !known {
		return "unknown"
	}
	text := fixed(fraction*100, 1)
	if fraction*100 >= 10 {
		text = whole(fixed(fraction*100, 0))
	}
	return strings.TrimSuffix(text, ".0") + " %"
}

func cpuTime(ticks, clkTck any) string {
	if ticks == nil || clkTck == nil {
		return "unknown"
	}
	seconds := number(ticks) / number(clkTck)
	if seconds < 60 {
		return fixed(seconds, 1) + " s"
	}
	return span(json.Number(fixed(seconds, 0)))
}

func utc(value any) string {
	if value == nil {
		return unknown
	}
	return strings.Replace(strings.Replace(value.(string), "T", " ", 1), "Z", " UTC", 1)
}

// before is how long before the answer a time was.
func before(envelope object, value any) string {
	if value == nil {
		return unknown
	}
	then, err := time.Parse(time.RFC3339Nano, value.(string))
	now, err2 := time.Parse(time.RFC3339Nano, envelope["generated_at"].(string))
	if err != nil || err2 != nil {
		return unknown
	}
	passed := now.Sub(then).Seconds()
	text := span(json.Number(fixed(math.Abs(passed), 0)))
	if passed < 0 {
		return "in " + text
	}
	return text + " ago"
}
