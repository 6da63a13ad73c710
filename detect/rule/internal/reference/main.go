// Command reference writes the sections of docs/findings.md that say what each detector is. What stands
// above its mark is written by hand and stays.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette/detect"
	"vedette/detect/rule"
)

const mark = "<!-- What follows is generated from the detectors: go generate ./detect/rule -->\n"

func main() {
	if err := write("../../docs/findings.md"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(path string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, _, ok := bytes.Cut(old, []byte(mark))
	if !ok {
		return errors.New("cannot write findings.md: it has no mark for where the sections begin")
	}
	out := bytes.NewBuffer(slices.Concat(head, []byte(mark)))
	all := rule.All()
	slices.SortFunc(all, func(a, b *detect.Detector) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range all {
		if err := section(out, d); err != nil {
			return err
		}
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func section(out *bytes.Buffer, d *detect.Detector) error {
	values, err := values(d)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n## %s\n\n**%s.** %s\n\n| | |\n|---|---|\n", d.Name, d.Title, d.Why)
	rows := [][2]string{{"Subject", d.By.String()}, {"Severity", d.Severity.String()}, {"Quiet", short(d.Quiet)},
		{"Version, since", fmt.Sprintf("%d, %s", d.Version, d.Since)}, {"Memory", fmt.Sprintf("%d bytes for each %s that gives it cause", d.Bytes(), d.By)},
		{"Values", code(values)}, {"Tags", code(d.Tags)}}
	for _, r := range rows {
		if r[1] != "" {
			fmt.Fprintf(out, "| %s | %s |\n", r[0], r[1])
		}
	}
	if len(d.Params) > 0 {
		out.WriteString("\n| parameter | default | why |\n|---|---|---|\n")
	}
	for _, p := range d.Params {
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", p.Name, setting(p), upper(p.Why)+".")
	}
	fmt.Fprintf(out, "\n*Look:* %s\n", d.Look)
	return nil
}

var valueName = regexp.MustCompile(`"([a-z0-9_]+)"(?:\]|: (?:of\(|\{Value))`)

// values lists the figures that a detector's findings carry, as its source names them.
func values(d *detect.Detector) (list []string, err error) {
	_, name, _ := strings.Cut(d.Name, ".")
	b, err := os.ReadFile(name + ".go")
	if err != nil {
		return nil, err
	}
	for _, m := range valueName.FindAllSubmatch(b, -1) {
		if !slices.Contains(list, string(m[1])) {
			list = append(list, string(m[1]))
		}
	}
	for _, form := range []string{"_source", "_credential"} {
		if from, isForm := strings.CutSuffix(name, form); isForm && len(list) == 0 { // judged by another's function
			return values(&detect.Detector{Name: "." + from})
		}
	}
	return list, nil
}

// setting is a parameter's default with its unit, and what it may be at most.
func setting(p detect.Param) string {
	s := strconv.FormatFloat(p.Default, 'f', -1, 64)
	if p.Unit != "" {
		s += " " + p.Unit
	}
	if p.Max != 0 {
		s += ", at most " + strconv.FormatFloat(p.Max, 'f', -1, 64)
	}
	return s
}

func code(list []string) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, "`"+s+"`")
	}
	return strings.Join(quoted, " ")
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// short writes a duration as the documents do.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
