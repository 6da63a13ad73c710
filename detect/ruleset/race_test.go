//go:build race

package ruleset

const raceEnabled = true // long stories are told shorter: they run on one goroutine
