package loadgen

import "golang.org/x/sys/unix"

// exactSleep takes away the 50 µs by which Linux may prolong a thread's sleep.
func exactSleep() { unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }
