//go:build !linux || !cgo

package main

// trimMalloc does nothing: there is no glibc.
func trimMalloc() {}
