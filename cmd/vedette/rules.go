package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"vedette"
	"vedette/detect/ruleset"
	"vedette/internal/strictyaml"
	"vedette/sensor/capture"
)

var rulesCommand = &command{name: "rules", args: "list [-json] [FILE…] | test [-json] [FILE…] | explain ID [FILE…] | import-sigma FILE…",
	short:   "List, explain and test detection rules; import those of Sigma",
	example: "vedette rules test rules/desk.yaml",
	run:     runRules}

func runRules(_ context.Context, e *env, flags *flag.FlagSet) error {
	verb := e.verb()
	asJSON := false
	if verb == "list" || verb == "test" {
		flags.BoolVar(&asJSON, "json", false, "one JSON object a line")
	}
	if err := e.parse(flags); err != nil {
		return err
	}
	switch files := flags.Args(); verb {
	case "":
		return usagef("say what to do: list, test, explain or import-sigma")
	case "list":
		return listRules(e, files, asJSON)
	case "test":
		return testRules(e, files, asJSON)
	case "explain":
		return explainRule(e, files)
	case "import-sigma":
		return importSigma(e, files)
	}
	return usagef("there is no rules %s: want list, test, explain or import-sigma", verb)
}

// rulesOf returns the rules of files and folders, or those that come with Vedette.
func rulesOf(files []string) (*ruleset.Set, error) {
	if len(files) == 0 {
		return ruleset.Default()
	}
	return ruleset.Load(files...)
}

func listRules(e *env, files []string, asJSON bool) error {
	set, err := rulesOf(files)
	if err != nil {
		return err
	}
	var list []ruleset.Summary
	for _, r := range set.Rules {
		list = append(list, r.Summary())
	}
	return show(e, asJSON, "there is no rule", "ID,SEVERITY,BY,PATH,BYTES,TITLE", list, func(s ruleset.Summary) []any {
		if !s.Enabled {
			s.Title += " (not enabled)"
		}
		return []any{s.ID, s.Severity, s.By, s.Path, s.StateBytes, s.Title}
	})
}

// testedRule is one test of a rule as JSON.
type testedRule struct {
	ruleset.Tested
	Passed bool   `json:"passed"`
	Error  string `json:"error"`
}

func testRules(e *env, files []string, asJSON bool) error {
	set, err := rulesOf(files)
	if err != nil {
		return err
	}
	tests, failed := 0, 0
	parse := func(line []byte) (*vedette.Call, bool, error) { return capture.ParseJudged(line, false) }
	for _, r := range set.Rules {
		for _, t := range r.Test(parse) {
			tests++
			out := testedRule{Tested: t, Passed: t.Err == nil}
			if t.Err != nil {
				failed++
				out.Error = t.Err.Error()
			}
			switch {
			case asJSON:
				if err := json.NewEncoder(e.stdout).Encode(out); err != nil {
					return err
				}
			case t.Err != nil:
				fmt.Fprintf(e.stdout, "%s:%d: %s: %s: %v\n", r.File, r.Line, t.Rule, t.Test, t.Err)
			}
		}
	}
	fmt.Fprintf(e.stderr, "%d rules, %d tests, %d failed\n", len(set.Rules), tests, failed)
	if failed > 0 {
		return errNo
	}
	return nil
}

// explainRule looks in the files first, then among the rules that come with Vedette.
func explainRule(e *env, args []string) error {
	if len(args) == 0 {
		return usagef("say which rule: its id, as rules list shows it")
	}
	set, err := ruleset.Default()
	if err != nil {
		return err
	}
	if len(args) > 1 {
		more, err := ruleset.Load(args[1:]...)
		if err != nil {
			return err
		}
		set = set.With(more)
	}
	r := set.Rule(args[0])
	if r == nil {
		var ids []string
		for _, r := range set.Rules {
			ids = append(ids, r.ID)
		}
		return fmt.Errorf("there is no rule %s%s", args[0], strictyaml.Suggest(args[0], ids))
	}
	return r.Explain(e.stdout)
}

// importSigma prints a file of rules, and says on stderr what it lacks of the originals.
func importSigma(e *env, files []string) error {
	if len(files) == 0 {
		return usagef("no file given")
	}
	total, done := 0, 0
	ids := map[string]int{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		list, err := ruleset.ImportSigma(file, b)
		if err != nil {
			return err
		}
		for _, r := range list {
			total++
			verdict := "not translated"
			if r.Rule != "" {
				if done++; done == 1 {
					fmt.Fprintln(e.stdout, "rules:")
				}
				fmt.Fprint(e.stdout, unique(ids, r))
				verdict = "translated"
			}
			if len(r.Missing)+len(r.Notes) > 0 {
				fmt.Fprintf(e.stderr, "%s: %s: %s\n", r.File, r.Title, verdict)
			}
			for _, m := range r.Missing {
				fmt.Fprintf(e.stderr, "  without: %s\n", m)
			}
			for _, n := range r.Notes {
				fmt.Fprintf(e.stderr, "  note: %s\n", n)
			}
		}
	}
	fmt.Fprintf(e.stderr, "%d of %d rules translated\n", done, total)
	if done == 0 {
		return errNo
	}
	return nil
}

// unique returns the rule under an id that no rule before it has.
func unique(ids map[string]int, r ruleset.Imported) string {
	ids[r.ID]++
	if n := ids[r.ID]; n > 1 {
		return strings.Replace(r.Rule, "id: "+r.ID, fmt.Sprintf("id: %s_%d", r.ID, n), 1)
	}
	return r.Rule
}
