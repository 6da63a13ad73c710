package venue

import (
	"strings"
	"testing"
)

// FuzzAppendWithout holds it to a reading of one parameter after the other.
func FuzzAppendWithout(f *testing.F) {
	for _, s := range []string{"", "&", "a=1&s=2", "s=2&a=1", "a=1&s=2&", "a=1&&s=2", "&s", "s=1&&a", "a&s&s&", "xs=1&s&sx=2&ss", "s=1&s=2", "a=s&s=s", "a=1&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want []string
		parts := strings.Split(s, "&")
		dropped := false
		if parts[len(parts)-1] == "" && len(parts) > 1 { // a trailing & follows the last parameter
			parts = parts[:len(parts)-1]
		}
		for _, p := range parts {
			k, _, _ := strings.Cut(p, "=")
			if dropped = k == "s"; !dropped {
				want = append(want, p)
			}
		}
		text := strings.Join(want, "&")
		if strings.HasSuffix(s, "&") && !dropped {
			text += "&"
		}
		if got := string(appendWithout([]byte("-"), s, "s")); got != "-"+text {
			t.Errorf("%q: %q, want %q", s, got, "-"+text)
		}
	})
}
