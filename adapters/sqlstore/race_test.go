//go:build race

package sqlstore

// raceDetector says whether the race detector is built in.
const raceDetector = true
