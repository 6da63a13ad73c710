package keyring

import "slices"

// suggest returns `; did you mean "x"?` for the known name nearest to word, or
// nothing where none is near.
func suggest(word string, known []string) string {
	const far = 3
	if len(word) > maxVenueBytes {
		return ""
	}
	best, distance := "", far
	for _, k := range known {
		if d := editDistance(word, k); d < distance && d < max(len(k), 2) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment).
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// clip shortens what an error repeats of the input.
func clip(s string) string {
	if len(s) > maxVenueBytes {
		return s[:maxVenueBytes] + "…"
	}
	return s
}
