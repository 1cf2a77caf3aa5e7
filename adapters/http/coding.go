package httpapi

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	gzipped = "gzip"
	zstded  = "zstd"
	// compressible is from how many bytes on a body is compressed: what is smaller
	// fits a packet or two as it is.
	compressible = 1 << 10
	// window is how far back zstd looks. An answer repeats itself after some hundred
	// bytes; more would take memory on both sides (RFC 8878, section 3.1.1.1.2).
	window = 256 << 10
)

// coding is how a body is compressed for a client.
type coding struct {
	name   string // as Content-Encoding has it; "" is not at all
	always bool   // it takes nothing that is not compressed, however small
}

// codingWanted chooses by Accept-Encoding (RFC 9110, section 12.5.3): of zstd, gzip
// and nothing the one with the highest weight, and of equals in this order. A coding
// counts if it is named; * alone is what clients send that think of none. It is false
// if the client takes none of the three.
func codingWanted(accept []string) (coding, bool) {
	if len(accept) == 0 {
		return coding{}, true
	}
	weights := codingWeights(accept)
	plain, named := weights["identity"]
	others, starred := weights["*"]
	switch {
	case named:
	case starred && others == 0:
		plain = 0
	default:
		plain = 0.0001 // below what can be written: three digits
	}
	best, highest := coding{}, 0.0
	for _, name := range []string{zstded, gzipped} {
		weight, named := weights[name]
		if !named && plain == 0 {
			weight = others
		}
		if weight > highest {
			best, highest = coding{name: name, always: plain == 0}, weight
		}
	}
	if plain > highest {
		return coding{}, true
	}
	return best, highest > 0
}

// codingWeights reads the headers, 0 to 1 by name. What has no weight that can be read
// is left out.
func codingWeights(accept []string) map[string]float64 {
	weights := map[string]float64{}
	for clause := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameter, given := strings.Cut(strings.ToLower(clause), ";")
		weight := 1.0
		if given {
			text, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
			parsed, err := strconv.ParseFloat(text, 64)
			if !ok || err != nil || !(parsed >= 0 && parsed <= 1) {
				continue
			}
			weight = parsed
		}
		weights[strings.TrimPrefix(strings.TrimSpace(name), "x-")] = weight // x-gzip is gzip (section 8.4.1.3)
	}
	return weights
}

// compress returns a body in this coding, and what Content-Encoding says of it.
func (c coding) compress(plain []byte) (body []byte, encoding string) {
	if c.name == "" || len(plain) < compressible && !c.always {
		return plain, ""
	}
	if c.name == zstded {
		return zstdOf(plain), zstded
	}
	return gzipOf(plain), gzipped
}

// As fast as it goes: what is written repeats itself so much that more effort would
// save little.

func zstdOf(plain []byte) []byte {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(window))
	if err != nil {
		panic(err) // the options are constants
	}
	return encoder.EncodeAll(plain, make([]byte, 0, len(plain)/8))
}

func gzipOf(plain []byte) []byte {
	var body bytes.Buffer
	encoder, err := gzip.NewWriterLevel(&body, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = encoder.Write(plain) // a buffer takes all
	_ = encoder.Close()
	return body.Bytes()
}
