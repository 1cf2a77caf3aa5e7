package httpapi

import (
	"bytes"

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
