// Package bound holds the texts of an order against how long they may be.
package bound

import "fmt"

// Check takes texts, each behind what it is called where it is written. Its error names the first that has more than most
// bytes, its length and the limit.
func Check(most int, namesAndTexts ...string) error {
	if len(namesAndTexts)%2 != 0 {
		panic("BUG: a text without a name")
	}
	for i := 0; i < len(namesAndTexts); i += 2 {
		if n := len(namesAndTexts[i+1]); n > most {
			return fmt.Errorf("%s has %d bytes, over %d", namesAndTexts[i], n, most)
		}
	}
	return nil
}
