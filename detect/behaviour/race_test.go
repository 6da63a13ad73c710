//go:build race

package behaviour

const raceEnabled = true // long stories are told shorter: they run on one goroutine
