package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vedette/sim/client"
	"vedette/sim/simtest"
)

// TestScripts runs the scripts in testdata/script. They are manuals too: each shows a
// command at work.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(program)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Values["desk"] = &desk{t: t}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "replace": replace, "flip": flip, "monitor": monitored, "call": call, "forge": forge, "await": await},
	})
}

// desk is a script's venue, the monitor in front of it, and a client.
type desk struct {
	t *testing.T
	m *monitor
	c *trader

	last client.Request // that call sent
}

// monitored starts a monitor in enforce mode on the folder data, the first time with what
// else a file says, $WORK in it for the script's folder: monitor [MORE.yaml]; or ends it:
// ! monitor
func monitored(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value("desk").(*desk)
	switch {
	case len(args) > 1 || len(args) == 1 && d.m != nil || neg && d.m == nil:
		ts.Fatalf("usage: [!] monitor [MORE.yaml]")
	case neg:
		d.m.stop()
		return
	case d.m == nil:
		more := ""
		if len(args) == 1 {
			more = strings.ReplaceAll(ts.ReadFile(args[0]), "$WORK", ts.MkAbs("."))
		}
		d.m = newMonitor(d.t, setup{venue: simtest.NewVenue(d.t), dir: ts.MkAbs("data"), yaml: more})
	}
	ts.Check(d.m.tryStart())
	d.c = newTrader(d.m, d.m.venue.Keys[0])
}

// call sends a signed call of the key hmac-key, account alice, that must be answered with
// a status; or the one before again, or its signature with other content:
// call read|order|withdraw|again|moved STATUS
func call(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value("desk").(*desk)
	if neg || len(args) != 2 || d.c == nil {
		ts.Fatalf("usage: call read|order|withdraw|again|moved STATUS, after monitor")
	}
	r, ok := map[string]func() client.Request{"read": d.c.account, "order": d.c.order, "withdraw": d.c.withdrawal,
		"again": func() client.Request { return d.last }, "moved": d.moved}[args[0]]
	if !ok {
		ts.Fatalf("no call %q", args[0])
	}
	d.last = r()
	a, err := d.c.wire.Do(context.Background(), d.last)
	ts.Check(err)
	if want, _ := strconv.Atoi(args[1]); a.Status != want {
		ts.Fatalf("%s was answered with %d %s, want %d", args[0], a.Status, a.Body, want)
	}
}

// forge sends N calls of the key hmac-key with signatures that do not verify: forge N
func forge(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value("desk").(*desk)
	if neg || len(args) != 1 || d.c == nil {
		ts.Fatalf("usage: forge N, after monitor")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	k := d.m.venue.Keys[0]
	k.Secret = "another secret"
	c := newTrader(d.m, k)
	for range n {
		_, err := c.wire.Do(context.Background(), c.order())
		ts.Check(err)
	}
}

// await runs a program until its output matches: await PATTERN PROGRAM ARGS…
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN PROGRAM ARGS…")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q never came", args[0])
		}
	}
}

// exits runs a program that must end with a code: exits CODE PROGRAM ARGS…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := err.(interface{ ExitCode() int }); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("cannot run: %v", err)
	}
	if want, _ := strconv.Atoi(args[0]); code != want {
		ts.Fatalf("ended with %d, want %d", code, want)
	}
}

// replace changes text in a file: replace OLD NEW FILE
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	text := ts.ReadFile(args[2])
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s does not hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Replace(text, args[0], args[1], 1)), 0o600))
}

// flip changes one bit: flip FILE OFFSET
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	b := []byte(ts.ReadFile(args[0]))
	at, err := strconv.Atoi(args[1])
	if err != nil || at >= len(b) {
		ts.Fatalf("%s has %d bytes", args[0], len(b))
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// moved is the last request with its signature on another endpoint.
func (d *desk) moved() client.Request {
	r := d.last
	r.Path = "/sapi/v1/capital/withdraw/apply"
	return r
}
