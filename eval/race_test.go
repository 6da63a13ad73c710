//go:build race

package eval

// raceDetector says that the test runs under it: what it would make take minutes is left to the run without.
const raceDetector = true
