//go:build linux && cgo

package main

// #include <malloc.h>
//
// static void keep_memory(int bytes) {
// #ifdef __GLIBC__
// 	mallopt(M_ARENA_MAX, 1);
// 	mallopt(M_TRIM_THRESHOLD, bytes);
// #endif
// }
import "C"

// keepMemory lets the C library keep some of what SQLite frees. SQLite allocates
// for each scrape, and frees it all again with the connection; glibc would give
// the pages back each time, and the kernel would have to find and clear others for
// the next scrape. One arena is enough for one connection at a time, and less is
// kept than in one for each thread. See mallopt(3).
func keepMemory() {
	const bytes = 4 << 20 // more than a connection's cache
	C.keep_memory(bytes)
}
