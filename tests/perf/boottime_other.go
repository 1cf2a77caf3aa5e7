//go:build !linux

package perf

func boottimeMS() *int64 { return nil }
