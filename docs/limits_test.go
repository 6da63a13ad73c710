package docs

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"go/types"
	"regexp"
	"strings"
	"testing"
	"time"
)

// evaluate returns the value of a constant expression; durations count in ns.
func evaluate(t *testing.T, e ast.Expr) int64 {
	t.Helper()
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), e); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for name, d := range map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour} {
		text = strings.ReplaceAll(text, "time."+name, fmt.Sprint(int64(d)))
	}
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text)
	if err != nil {
		t.Fatalf("cannot evaluate %s: %v", text, err)
	}
	var n int64
	if _, err := fmt.Sscan(v.Value.ExactString(), &n); err != nil {
		t.Fatalf("%s is no whole number", text)
	}
	return n
}

// TestLimitDefaults: the table of limits has the proxy's defaults.
func TestLimitDefaults(t *testing.T) {
	fields := map[string]string{}
	for _, f := range structs(source(t, "cmd/vedette/config.go"))["limitsConfig"].Fields.List {
		fields[f.Names[0].Name] = regexp.MustCompile(`"(.*)"`).FindStringSubmatch(f.Tag.Value)[1]
	}
	listed := rows(section(t, "configuration.md", "### Limits"), "key")
	compared := 0
	compare := func(field ast.Expr, value ast.Expr) {
		key, ok := fields[field.(*ast.SelectorExpr).Sel.Name]
		if !ok {
			return // not to be configured
		}
		n, want := evaluate(t, value), ""
		if want = fmt.Sprint(n); strings.HasSuffix(key, "_timeout") {
			want = time.Duration(n).String()
			if time.Duration(n)%time.Minute != 0 || n == 0 {
				want = fmt.Sprintf("%gs", time.Duration(n).Seconds())
			}
		}
		compared++
		if row := strings.Split(listed["limits."+key], "|"); len(row) < 3 || strings.TrimSpace(row[2]) != want {
			t.Errorf("limits.%s is %s, the table says %q", key, want, row)
		}
	}
	ast.Inspect(source(t, "sensor/proxy/limits.go")[0], func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "setInt" || id.Name == "setTime") {
				compare(n.Args[0].(*ast.UnaryExpr).X, n.Args[1])
			}
		case *ast.AssignStmt:
			if sel, ok := n.Lhs[0].(*ast.SelectorExpr); ok && sel.Sel.Name == "BodyMemory" {
				compare(sel, n.Rhs[0])
			}
		}
		return true
	})
	if compared != len(fields) {
		t.Errorf("%d of %d defaults were compared", compared, len(fields))
	}
}

// evaluateNamed returns the value of a constant.
func evaluateNamed(t *testing.T, file, name string) int64 {
	t.Helper()
	text := constants(t, "", file)[name]
	var n int64
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%s has no plain constant %s", file, name)
	}
	return n
}

// TestBounds: the table of what is bounded has the constants of the code.
func TestBounds(t *testing.T) {
	text := section(t, "operating.md", "## What is bounded")
	f := func(file, name string, format func(int64) string, phrase string) {
		t.Helper()
		for _, tree := range source(t, file) {
			var value ast.Expr
			ast.Inspect(tree, func(n ast.Node) bool {
				if v, ok := n.(*ast.ValueSpec); ok {
					for i, id := range v.Names {
						if id.Name == name && i < len(v.Values) {
							value = v.Values[i]
						}
					}
				}
				return true
			})
			if value == nil {
				t.Errorf("%s has no constant %s any more: is %q still so?", file, name, phrase)
				continue
			}
			if want := strings.ReplaceAll(phrase, "#", format(evaluate(t, value))); !strings.Contains(flat(text), flat(want)) {
				t.Errorf("%s of %s: the table does not say %q", name, file, want)
			}
		}
	}
	seconds := func(n int64) string { return fmt.Sprintf("%g", time.Duration(n).Seconds()) }
	f("detect/limits.go", "batchCount", commas, "| Detectors' queue | # batches of ")
	f("detect/limits.go", "batchEvents", commas, "batches of # calls,")
	f("detect/limits.go", "pausedEvents", commas, "calls, # while a snapshot is written |")
	f("pipeline/pipeline.go", "pendingMessages", commas, "| Messages of a session without their answer | # |")
	f("pipeline/body.go", "maxRecord", commas, "| Record | # bytes |")
	f("ledger/limits.go", "defaultQueueBytes", mebibytes, "| Ledger's queue | # MiB, ")
	f("ledger/limits.go", "defaultMaxBlock", func(n int64) string { return fmt.Sprint(n / 1e6) }, "up to # ms for room")
	f("detect/limits.go", "DefaultSubjects", commas, "| `detect.subjects`, # |")
	f("respond/outbox/limits.go", "DefaultBytes", mebibytes, "| What waits for one receiver | # MiB")
	f("respond/outbox/limits.go", "maxPending", commas, " MiB (`keep_bytes`) or # events |")
	f("payload/limits.go", "maxQueue", commas, "| Suspicious calls that wait for their examination | # |")
	f("payload/limits.go", "maxItems", commas, "| Parameters of a call that are examined | # suspicious ones,")
	f("payload/limits.go", "sources", commas, "| Sources whose share of examinations is remembered | # |")
	f("respond/limits.go", "maxProposed", commas, "| Interventions that wait for approval | # |")
	f("respond/limits.go", "keepClosed", commas, "| Interventions that ended | # |")
	f("verify/limits.go", "maxHold", func(n int64) string { return fmt.Sprint(n / 3600e9) }, "| How long a signature is remembered | # h |")
	f("verify/limits.go", "nonceKeepHold", func(n int64) string { return fmt.Sprint(n / 24 / 3600e9) }, "silent for # days")
	f("verify/limits.go", "DefaultIssued", commas, "| Tokens that a venue issued | # |")
	f("verify/limits.go", "maxPublic", commas, "| Tokens that a venue gives to anybody | # |")
	f("verify/token/limits.go", "defaultCacheSize", commas, "| Verified OAuth tokens | # for each issuer |")
	f("verify/token/limits.go", "defaultProofs", commas, "| DPoP proof ids under `vedette replay` | # for each issuer |")
	f("verify/token/limits.go", "maxInFlight", commas, "| Introspection requests at once | # for each issuer |")
	f("cmd/vedette/app.go", "nonceCredentials", commas, "| Nonces | # credentials with increasing ones")
	f("cmd/vedette/app.go", "nonceWallets", commas, "ones, # with the 100 highest |")
	f("cmd/vedette/findings.go", "recentFindings", commas, "| Findings on the page | # |")
	f("gate/limits.go", "defaultTable", commas, "| Limits by credential, account, source | # subjects of each kind |")
	f("gate/limits.go", "maxRestrictions", commas, "| Restrictions | # |")
	f("gate/limits.go", "maxStepUps", commas, "| Step-ups | #, for ")
	f("gate/limits.go", "maxStepUp", func(n int64) string { return fmt.Sprint(n / 3600e9) }, ", for # h each |")
	f("gate/limits.go", "maxBatch", commas, "| Parts of a batch | # |")
	f("intel/limits.go", "maxFeeds", commas, "| Feeds of threat intelligence | #, with ")
	f("intel/limits.go", "maxIndicators", commas, ", with # indicators each")
	f("intel/limits.go", "maxTotal", commas, " indicators each and # in all |")
	f("intel/limits.go", "maxMatches", commas, "| Matches of a call | # |")
	f("keyring/limits.go", "maxCredentials", commas, "| Credentials | # |")
	f("sensor/capture/limits.go", "maxUnit", mebibytes, "| Recorded traffic | # MiB for one line or entry |")
	f("sensor/sensor.go", "AnswerLimit", func(n int64) string { return fmt.Sprint(n >> 10) }, "| Answer, as far as the monitor reads it | # KiB |")
	f("cmd/vedette/incidents.go", "pageIncidents", commas, "| Open incidents on the page | # |")
	text = read(t, "incidents.md")
	hours := func(n int64) string { return fmt.Sprint(n / 3600e9) }
	days := func(n int64) string { return fmt.Sprint(n / 24 / 3600e9) }
	f("incident/limits.go", "DefaultWindow", hours, "| Account | # h |")
	f("incident/limits.go", "DefaultWindow", func(n int64) string {
		return fmt.Sprint(n / 3600e9 / evaluateNamed(t, "incident/limits.go", "addressPart"))
	}, "| Address, IPv6 by /64 | # h |")
	f("incident/limits.go", "DefaultTolerance", func(n int64) string { return map[int64]string{60e9: "a minute"}[n] }, "more than # of event time late")
	f("incident/limits.go", "maxOwnerAccounts", commas, "If at most # accounts are his")
	f("incident/limits.go", "maxSharing", commas, "If at most # accounts use it.")
	f("incident/limits.go", "maxSharing", commas, "at most # accounts use the subnet")
	f("incident/limits.go", "minPopulation", commas, "1 of 100 accounts uses it, of # or more")
	f("incident/limits.go", "maxOpen", commas, "party of the keyring | # |")
	f("incident/limits.go", "maxStrangers", commas, "nobody known | # |")
	f("incident/limits.go", "maxLinks", commas, "lead to an incident | #, and ")
	f("incident/limits.go", "maxAllLinks", commas, ", and # in all |")
	f("incident/limits.go", "maxFindings", commas, "| Findings listed in one | #:")
	f("incident/limits.go", "maxRules", commas, "| Rules | # |")
	f("incident/limits.go", "maxUnstored", commas, "wait for the store | # |")
	f("incident/limits.go", "maxSuppression", days, "a subject or both; # days at most")
	f("incident/limits.go", "maxExpected", days, "a venue; # days at most")
	f("cmd/vedette/incidents.go", "keepStrangers", days, "removed from the store after # days")
	f("cmd/vedette/incidents.go", "rejoinRecords", commas, "the ledger's last # records")
	text = read(t, "operating.md")
	f("cmd/vedette/clock.go", "clockJump", seconds, "A jump of over # s against")
	f("pipeline/pipeline.go", "syncTimeout", seconds, "Record not durable in time under `sync` (# s)")
	f("cmd/vedette/state.go", "restoreRecords", commas, "from the last # records of the ledger")
	milliseconds := func(n int64) string { return fmt.Sprint(n / 1e6) }
	f("verify/limits.go", "retryAfter", milliseconds, "or has waited # ms for it, and ")
	f("verify/limits.go", "retryAfter", milliseconds, "takes longer than # ms to answer")
	f("verify/limits.go", "maxChangeRetries", commas, " for it, and # times at most")
	f("verify/limits.go", "maxChangeRetries", commas, "make an order happen up to # times more")
	f("verify/limits.go", "concurrency", seconds, "Within # s of the first read")
	text = read(t, "intel.md")
	f("intel/limits.go", "maxMatches", commas, "A call keeps up to # matches")
	f("intel/limits.go", "DefaultTTL", func(n int64) string { return fmt.Sprint(n / 24 / 3600e9) }, "counts for `ttl`, # days by default")
	f("intel/limits.go", "minBits4", commas, "A prefix shorter than /# in IPv4")
	f("intel/limits.go", "minBits6", commas, " in IPv4 or /# in IPv6, or all together")
	f("intel/limits.go", "maxShare6", commas, "or 1/# of IPv6's unicast addresses")
	f("intel/limits.go", "growth", commas, "# times as many indicators as before")
	f("intel/limits.go", "maxBody", mebibytes, "Over # MiB in one document")
	f("intel/limits.go", "maxGeo", mebibytes, "(a database # MiB)")
	f("intel/limits.go", "maxRefresh", mebibytes, ", # MiB in one refresh")
	f("intel/limits.go", "maxIndicators", commas, "in one refresh, # indicators of one feed")
	f("intel/limits.go", "maxTotal", commas, "of one feed or # of all")
	f("intel/limits.go", "maxRedirects", commas, "at most # redirects")
	f("intel/limits.go", "firstBackoff", seconds, "asked again after # s")
	f("gate/limits.go", "IntelMaxAge", func(n int64) string { return fmt.Sprint(n / 60e9) }, "authenticated within the last # min")
	text = read(t, "formats.md")
	f("sensor/capture/limits.go", "maxMessages", commas, " # WebSocket messages and ")
	f("sensor/capture/limits.go", "maxPairs", commas, " and # header fields in it")
	f("detect/limits.go", "maxEvidence", commas, "in the ledger, at most #;")
}

func mebibytes(n int64) string { return fmt.Sprint(n >> 20) }

// commas writes a number with a comma after each three digits.
func commas(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
