//go:build race

package pipeline

// allowedAllocs: under the race detector sync.Pool drops what it is given at random.
const allowedAllocs = 8
