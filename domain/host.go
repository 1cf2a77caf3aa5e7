package domain

import "strings"

// SameHost tells whether two names are those of one host, as far as names tell: case
// does not count, and a name without a domain is that of a host with one.
func SameHost(a, b string) bool {
	aFirst, aDomain, _ := strings.Cut(a, ".")
	bFirst, bDomain, _ := strings.Cut(b, ".")
	return strings.EqualFold(a, b) || strings.EqualFold(aFirst, bFirst) && (aDomain == "" || bDomain == "")
}
