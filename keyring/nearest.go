package keyring

import (
	"slices"

	"vedette/internal/strictyaml"
)

func suggest(word string, known []string) string { return strictyaml.Suggest(word, known) }

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// clip shortens what an error repeats of the input.
func clip(s string) string {
	if len(s) > maxVenueBytes {
		return s[:maxVenueBytes] + "…"
	}
	return s
}
