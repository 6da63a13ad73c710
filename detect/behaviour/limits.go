package behaviour

import "time"

// Constants of learning, each with its reason. They are not parameters: states in snapshots depend on them.
const (
	// Window is the event time that is judged as one.
	Window = time.Minute
	// Quarantine is how long a window waits before it is learned: analysts and the other detectors find most attacks within.
	Quarantine = time.Hour
	// Hold is how long nothing is learned after a finding. Conduct that lasts longer is a new habit, and moves the baseline.
	Hold = 24 * time.Hour

	pendingWindows = 3  // windows in quarantine: three an hour teach what a source can teach at most
	pendingCalls   = 6  // calls of a window that are learned
	windowCalls    = 12 // calls of a window that are looked at for which, in which order, and how

	// gate is the probability below which a window is never learned: a thousandth of it alone is a finding.
	gate = 1e-5
	// warmWindows is how many windows must have been learned for a subject to be judged by its own habits alone.
	warmWindows = 48
	// tailsFrom is how many must have been for their statistics to say anything.
	tailsFrom = warmWindows / 4
	// freezeAfter is the age of the frozen baseline: a week has every weekday.
	freezeAfter = 7

	mixCells        = 128 // endpoints by hash: dialects of today have up to 300, one key uses some 20
	instrumentCells = 64
	pairCells       = 256
	sizeCells       = 16  // of a factor of 4 each: 4e9 between the smallest and the largest
	gapCells        = 16  // of a factor of 4 each, from 1 ms
	usedCells       = 192 // of the 512 of a habit: a busy desk uses some 150
	knownTraits     = 12
	freshTraits     = 4
)
