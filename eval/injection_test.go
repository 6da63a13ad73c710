package eval

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
)

// TestInjection runs track D on the tests that the Core Rule Set's module has, and on a few lines in the form of HttpParams. The
// floors are somewhat below what was measured.
func TestInjection(t *testing.T) {
	if raceDetector {
		t.Skip("too slow under the race detector; make test runs it without")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "tests"), tests.FS); err != nil {
		t.Fatal(err)
	}
	lines := "payload,length,attack_type,label\n\"' or '1'='1\",11,sqli,anom\n<script>alert(1)</script>,25,xss,anom\n" +
		"../../etc/passwd,16,path-traversal,anom\n; cat /etc/passwd,17,cmdi,anom\nBTCUSDT,7,norm,norm\n\"my wallet, the old one\",22,norm,norm\n"
	if err := os.WriteFile(filepath.Join(dir, httpParams), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	err := Run(dir, []string{"D"}, func(f Figure) error {
		got[f.Data+", "+f.Detector+", "+f.Metric] = f.Value
		if strings.HasPrefix(f.Detector, "vedette: filter, ") || strings.HasPrefix(f.Detector, "Core Rule") {
			t.Logf("%-26s %-38s %-20s %.3f [%.3f, %.3f] %s", f.Data, f.Detector, f.Metric, f.Value, f.Low, f.High, f.Base)
		}
		return nil
	}, func(track, want string) { t.Errorf("%s: there is no %s", track, want) })
	if err != nil {
		t.Fatal(err)
	}
	const crs, params = "CRS 4.25 regression tests, ", "HttpParams, "
	for name, least := range map[string]float64{crs + "vedette: filter, then rules, TPR, macro average": 0.93, crs + "vedette: filter, then rules, TPR of sqli": 0.94,
		crs + "vedette: filter, then rules, TPR of rce": 0.93, crs + "Core Rule Set at level 1, unfiltered, TPR, macro average": 0.99, crs + "random, TPR, macro average": 0.5,
		params + "vedette: filter, then rules, TPR, macro average": 1, params + "vedette: filter, then rules, TNR": 1, params + "single feature: a quote or <, TNR": 1} {
		if v, ok := got[name]; !ok || v < least {
			t.Errorf("%s is %.3f, want at least %.3f", name, v, least)
		}
	}
}
