package domain

import "regexp"

var keyPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// WellFormed tells whether a section may have the key, as far as its letters go.
// An entry of Envelope.Sections under a name that is not well-formed is that of
// something that was refused, or of a source of sections: it has no value.
func WellFormed(key string) bool { return keyPattern.MatchString(key) }
