// Command vedette watches the API of a trading venue.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit codes of every command.
const (
	exitDone  = 0
	exitNo    = 1 // the answer is no
	exitUsage = 2
)

// env is what a command may touch: tests start commands with their own.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	terminal       bool // stdout is one
}

// command is one subcommand.
type command struct {
	name, args, short, example string
	run                        func(context.Context, *env, *flag.FlagSet) error
}

// errNo ends a command with exit code 1 without another word.
var errNo = errors.New("no")

// usageError ends a command with exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := &env{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, terminal: isTerminal(os.Stdout)}
	code := run(ctx, e)
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
}

// run finds the command and runs it.
func run(ctx context.Context, e *env) int {
	if len(e.args) == 0 || e.args[0] == "help" || e.args[0] == "-h" || e.args[0] == "--help" {
		overview(e.stdout)
		if len(e.args) == 0 {
			return exitUsage
		}
		return exitDone
	}
	for _, c := range commands() {
		if c.name == e.args[0] {
			return c.start(ctx, e)
		}
	}
	fmt.Fprintf(e.stderr, "vedette: unknown command %q; vedette help lists them\n", e.args[0])
	return exitUsage
}

func (c *command) start(ctx context.Context, e *env) int {
	flags := flag.NewFlagSet("vedette "+c.name, flag.ContinueOnError)
	flags.SetOutput(e.stderr)
	flags.Usage = func() {
		fmt.Fprintf(e.stderr, "%s\n\n  vedette %s %s\n\nExample\n\n  %s\n", c.short, c.name, c.args, c.example)
		some := false
		flags.VisitAll(func(*flag.Flag) { some = true })
		if some {
			fmt.Fprint(e.stderr, "\nFlags\n\n")
			flags.PrintDefaults()
		}
	}
	err := c.run(ctx, &env{e.args[1:], e.stdin, e.stdout, e.stderr, e.getenv, e.terminal}, flags)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &usage):
		fmt.Fprintf(e.stderr, "vedette %s: %v\n", c.name, err)
		return exitUsage
	}
	fmt.Fprintf(e.stderr, "vedette %s: %v\n", c.name, err)
	return exitNo
}

// parse parses the flags; what is wrong with them is wrong use.
func (e *env) parse(flags *flag.FlagSet) error {
	if err := flags.Parse(e.args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{errors.New("see vedette help")}
	}
	return nil
}

func commands() []*command {
	return []*command{demoCommand, runCommand, checkCommand, replayCommand, keyCommand, tokenCommand, restrictCommand, incidentCommand, respondCommand, rulesCommand, profileCommand, intelCommand, ledgerCommand, convertCommand, benchCommand, evalCommand, versionCommand}
}

func overview(w io.Writer) {
	fmt.Fprint(w, "Vedette stands in front of a trading API: it verifies every call, decides, and keeps proof.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  vedette %-9s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, "\nvedette COMMAND -h shows a command's flags and an example.\n")
}

var versionCommand = &command{name: "version", short: "Print the version", example: "vedette version",
	run: func(_ context.Context, e *env, flags *flag.FlagSet) error {
		if err := e.parse(flags); err != nil {
			return err
		}
		info, _ := debug.ReadBuildInfo()
		rev, at := "unknown", ""
		if info != nil {
			for _, s := range info.Settings {
				switch s.Key {
				case "vcs.revision":
					rev = s.Value
				case "vcs.time":
					at = " " + s.Value
				}
			}
			fmt.Fprintf(e.stdout, "vedette %s%s %s\n", rev, at, info.GoVersion)
		}
		return nil
	}}
