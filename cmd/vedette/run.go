package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

var runCommand = &command{name: "run", args: "[-c vedette.yaml] [-dir FOLDER] [-check-config] [-accept-new-state]",
	short:   "Stand in front of the venues and watch",
	example: "vedette run -c vedette.yaml",
	run:     runRun}

func runRun(ctx context.Context, e *env, flags *flag.FlagSet) error {
	path := flags.String("c", "", "configuration file; without it every built-in venue is watched and nothing refused")
	dir := flags.String("dir", "", "data folder, if not that of the configuration")
	check := flags.Bool("check-config", false, "read the configuration, say whether it is good, and end")
	plain := flags.Bool("plain", false, "log lines instead of the live view, on a terminal too")
	accept := flags.Bool("accept-new-state", false, "start with a new state though the ledger has records: freezes and stored keys of before are gone")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return usagef("no argument is wanted, got %q", flags.Arg(0))
	}
	c, err := loadConfig(*path)
	if err != nil {
		return err
	}
	if *dir != "" {
		c.Dir, c.dirFlag = *dir, true
	}
	c.acceptNewState = *accept
	if *check {
		if err := c.checkFiles(e.getenv); err != nil {
			return err
		}
		fmt.Fprintln(e.stderr, "configuration is good")
		return nil
	}
	tuneMemory()
	live := e.terminal && !*plain
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	if live {
		log = discardLog()
	}
	a, err := startApp(ctx, c, e.getenv, log, systemClock())
	if err != nil {
		return err
	}
	defer a.close()
	a.warm()
	if !live {
		a.announce(e.stderr)
	}
	a.untilEnd(ctx, e, live)
	return nil
}

// tuneMemory gives the collector room: the monitor's live heap is small, and each
// collection takes time from calls. GOGC and GOMEMLIMIT in the environment win.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// announce says where clients connect to.
func (a *app) announce(w io.Writer) {
	s := a.Status()
	for _, l := range s.Listening {
		fmt.Fprintf(w, "%-22s %s -> %s\n", l.Venue, l.URL, l.Upstream)
	}
	if a.opsAddr != "" {
		fmt.Fprintf(w, "page, /metrics, /healthz  http://%s/\n", a.opsAddr)
	}
}

// untilEnd shows what happens until the context ends; SIGHUP reads the
// configuration anew.
func (a *app) untilEnd(ctx context.Context, e *env, live bool) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	v := &view{out: e.stdout}
	if live {
		v.begin()
		defer v.end()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			switch err := a.Reload(); {
			case errors.Is(err, errInForce):
				a.log.Error("configuration reloaded", "error", err)
			case err != nil:
				a.log.Error("configuration not reloaded: the old configuration stays", "error", err)
			default:
				a.log.Info("configuration reloaded")
			}
		case <-tick.C:
			if live {
				v.draw(a.Status(), "http://"+a.opsAddr+"/")
			}
		}
	}
}
