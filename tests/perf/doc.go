// Package perf has what the measuring of the service needs: databases of any
// size, an orchestrator that keeps changing them, real agent processes, and two
// servers to compare with. Its benchmarks measure within one process, and
// command report measures the real program from outside.
package perf
