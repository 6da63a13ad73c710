//go:build race

package payload

// every is of how many clients' requests one is examined without the filter: under the race detector each takes some ten times as long.
const every = 16
