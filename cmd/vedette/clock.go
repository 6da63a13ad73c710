package main

import (
	"fmt"
	"time"
)

// clock is the time of day, that may be set, and the time that passed, that may not.
type clock struct {
	now     func() time.Time
	elapsed func() time.Duration // since any moment
}

func systemClock() clock {
	start := time.Now()
	return clock{time.Now, func() time.Duration { return time.Since(start) }}
}

// clockJump is how far the time of day may move against the time that passed within a
// second before it counts as a jump.
const clockJump = 500 * time.Millisecond

// clockWatch is what a clock showed last.
type clockWatch struct {
	clock
	wall   time.Time
	passed time.Duration
}

func (c clock) watch() clockWatch { return clockWatch{c, c.now().Round(0), c.elapsed()} }

// jump returns how far the time of day was set since it was called last, 0 if it was not.
func (w *clockWatch) jump() time.Duration {
	wall, passed := w.now().Round(0), w.elapsed()
	by := wall.Sub(w.wall) - (passed - w.passed)
	w.wall, w.passed = wall, passed
	if by.Abs() <= clockJump {
		return 0
	}
	return by
}

// watchClock records a jump of the time of day: time windows are judged by it.
func (a *app) watchClock(w *clockWatch) {
	if by := w.jump(); by != 0 {
		a.log.Error("the clock jumped", "by", by)
		a.monitor.Gap("clock", 0, fmt.Sprintf("the wall clock jumped by %v", by))
	}
}
