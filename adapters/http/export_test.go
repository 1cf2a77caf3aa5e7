package httpapi

// Unspaced lets scrapes follow each other at once, for tests of many answers.
func Unspaced() Option { return func(o *options) { o.spacing = 0 } }
