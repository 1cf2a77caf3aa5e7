//go:build linux && cgo

package main

// SQLite allocates for each scrape, and frees it all again with the connection;
// glibc would give the pages back each time, and the kernel would have to find and
// clear others for the next scrape. So it is told to keep what one takes. One arena
// is enough for one connection at a time: there would be one for each thread, which
// is why this comes before there are threads. See mallopt(3).

// #include <malloc.h>
//
// static void give_back(void) {
// #ifdef __GLIBC__
// 	malloc_trim(0);
// #endif
// }
//
// #ifdef __GLIBC__
// static void __attribute__((constructor)) keep_memory(void) {
// 	mallopt(M_ARENA_MAX, 1);
// 	mallopt(M_TRIM_THRESHOLD, 640 << 10);
// }
// #endif
import "C"

// trimMalloc gives back what SQLite does not use any more, see malloc_trim(3).
func trimMalloc() { C.give_back() }
