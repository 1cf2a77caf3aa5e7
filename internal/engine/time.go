package engine

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MinTime and MaxTime bound the timestamps that are taken for one: what is not
// between them, as seconds since 1970, is a mistake of whoever wrote it.
const (
	MinTime = 946_684_800   // 2000-01-01
	MaxTime = 7_258_118_400 // 2200-01-01, which is not between them
)

// timeForm is a date, with a time of day and a zone or without
// (https://www.sqlite.org/lang_datefunc.html#time_values).
var timeForm = regexp.MustCompile(`^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])` +
	`(?:[ T]+([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?\s*(?:[Zz]|([+-])(0\d|1[0-4]):([0-5]\d))?\s*)?$`)

// The Julian day number at which the seconds begin to count, and seconds in a day.
const (
	julianEpoch = 2440587.5
	day         = 86400
)

// parseTime reads a text as SQLite's date functions do, if there is a date in it, as
// seconds since 1970. Without a zone it is in UTC, and a number is a Julian day.
func parseTime(text string) (seconds int64, ok bool) {
	if strings.Trim(text, "0123456789.") == "" {
		days, err := strconv.ParseFloat(text, 64)
		return int64(math.Round((days - julianEpoch) * day)), err == nil && days < julianEpoch*2
	}
	found := timeForm.FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	var part [10]int
	for i, digits := range found[1:] {
		part[i], _ = strconv.Atoi(digits) // a sign, or what is not there, is 0
	}
	zone := 3600*part[7] + 60*part[8]
	if found[7] == "-" {
		zone = -zone
	}
	return time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5]-zone, 0, time.UTC).Unix(), true
}
