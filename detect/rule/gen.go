// Package rule holds the built-in detectors: one file, one test and one folder of golden data each.
package rule

//go:generate go run ./internal/list
//go:generate go run ./internal/reference

import "slices"

// Names returns the names of the built-in detectors, in order.
func Names() (names []string) {
	for _, d := range All() {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}
