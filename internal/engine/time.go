package engine

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// timeForm is a date, with a time of day and a zone or without
// (https://www.sqlite.org/lang_datefunc.html#time_values).
var timeForm = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[ T]+(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*(?:[Zz]|([+-])(\d\d):(\d\d))?\s*)?$`)

// The Julian day number at which the seconds begin to count, and seconds in a day.
const (
	julianEpoch = 2440587.5
	day         = 86400
)

// ParseTime reads a text as SQLite's date functions do, if there is a date in it, as
// seconds since 1970. Without a zone it is in UTC, and a number is a Julian day.
func ParseTime(text string) (seconds int64, ok bool) {
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
	year, month, date, hour, minute, second := part[0], part[1], part[2], part[3], part[4], part[5]
	zone := 60 * (60*part[7] + part[8])
	if month < 1 || month > 12 || date < 1 || date > 31 || hour > 24 || minute > 59 || second > 59 || part[7] > 14 || part[8] > 59 {
		return 0, false
	}
	if found[7] == "-" {
		zone = -zone
	}
	return time.Date(year, time.Month(month), date, hour, minute, second, 0, time.UTC).Unix() - int64(zone), true
}
