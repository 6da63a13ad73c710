//go:build !race

package pipeline

const allowedAllocs = 0
