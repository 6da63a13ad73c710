//go:build unix && !linux

package loadgen

func exactSleep() {}
