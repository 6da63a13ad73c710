package eval

import (
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
)

// TestCoreRuleSet: of what the Core Rule Set's own tests send, the filter takes hardly anything for trading, and the rules find
// through it nearly what they find without.
func TestCoreRuleSet(t *testing.T) {
	figures, err := CoreRuleSet(tests.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		t.Logf("%-38s %-22s %.3f %s", f.Detector, f.Metric, f.Value, f.Base)
	}
}
