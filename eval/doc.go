// Package eval measures detection: on data that others wrote, beside the figures that others published for it, and on
// labelled traffic, beside simpler ways.
package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// track is one comparison. marker is a file or folder, in the form in which the data is published, that tells where it is.
type track struct {
	name, title, marker string
	run                 func(dir string) ([]Figure, error)
}

var tracks = []track{
	{"A", "account takeover: Schonlau's masqueraders", "masquerade_summary.txt", schonlau},
	{"B", "rate: Numenta Anomaly Benchmark", "labels/combined_windows.json", nab},
	{"C", "graph: DARPA 1998 edges", "darpa_ground_truth.csv", darpa},
	{"D", "payloads: regression tests of the OWASP Core Rule Set", crsMarker, injectionTrack},
	{"E", "sequences: ADFA-LD", "Training_Data_Master", adfa},
}

// Tracks returns the names of all tracks.
func Tracks() (names []string) {
	for _, t := range tracks {
		names = append(names, t.name)
	}
	return names
}

// Run measures tracks on the data below a folder, and hands each figure to tell, whose error ends it. A track whose data is not there, in the folder or
// one just below, is told to absent with what was looked for.
func Run(dir string, names []string, tell func(Figure) error, absent func(track, want string)) error {
	for _, name := range names {
		i := slices.IndexFunc(tracks, func(t track) bool { return t.name == name })
		if i < 0 {
			return fmt.Errorf("cannot evaluate track %q: there are %s", name, strings.Join(Tracks(), ", "))
		}
		t := tracks[i]
		at, ok := locate(dir, t.marker)
		if !ok {
			absent(t.name+", "+t.title, t.marker)
			continue
		}
		figures, err := t.run(at)
		if err != nil {
			return fmt.Errorf("cannot evaluate track %s: %w", name, err)
		}
		for _, f := range figures {
			f.Track = name
			if err := tell(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// locate finds the folder that holds marker: dir, or one just below.
func locate(dir, marker string) (string, bool) {
	below, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, d := range append([]string{dir}, below...) {
		if _, err := os.Stat(filepath.Join(d, filepath.FromSlash(marker))); err == nil {
			return d, true
		}
	}
	return "", false
}

// WriteText writes a figure as a line.
func (f Figure) WriteText(w io.Writer) error {
	value := fmt.Sprintf("%.4g", f.Value)
	if f.Low != 0 || f.High != 0 {
		value += fmt.Sprintf(" [%.4g, %.4g]", f.Low, f.High)
	}
	note := f.Base
	if f.Source != "" {
		note = "published: " + f.Source
	}
	_, err := fmt.Fprintf(w, "%s  %-34s %-40s %-28s %s\n", f.Track, f.Detector, f.Metric, value, note)
	return err
}

// WriteJSON writes a figure as one JSON object and a line end.
func (f Figure) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(f) }

// finite keeps a score in an order with others.
func finite(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, -math.MaxFloat64), math.MaxFloat64)
}
