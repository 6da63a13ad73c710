package ruleset

import (
	"strings"
	"testing"

	"vedette"
	"vedette/detect"
)

// FuzzParse compiles any file, and runs what compiles over traffic.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := Parse("x.yaml", b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.yaml: ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		e, err := detect.New(detect.Config{Detectors: set.Detectors(), Subjects: 16, Raise: func(f *vedette.Finding) {
			if f.Summary == "" || f.ID == "" {
				t.Errorf("finding %+v", f)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range calls(1, 50, 4) {
			e.Observe(uint64(i+1), c)
		}
		e.Close()
		for _, r := range set.Rules {
			if err := r.Explain(&strings.Builder{}); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzImportSigma translates anything; what it makes is a rule.
func FuzzImportSigma(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := ImportSigma("x.yml", b)
		for _, r := range list {
			if (r.Rule == "") != (r.ID == "") || r.Rule == "" && len(r.Missing) == 0 {
				t.Errorf("%+v", r)
			}
			if r.Rule == "" {
				continue
			}
			if _, err := Parse("x.yml", []byte("rules:\n"+r.Rule)); err != nil {
				t.Errorf("%v\n%s", err, r.Rule)
			}
		}
	})
}
