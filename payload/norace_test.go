//go:build !race

package payload

const every = 1
