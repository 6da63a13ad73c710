package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vedette/api"
	"vedette/intel"
)

var intelCommand = &command{name: "intel", args: "list [flags] | lookup [flags] VALUE | refresh [flags] [FEED…]",
	short:   "Feeds of threat intelligence: how they fare, what they list",
	example: "vedette intel lookup -c vedette.yaml 198.51.100.7",
	run:     runIntelCommand}

func runIntelCommand(ctx context.Context, e *env, flags *flag.FlagSet) error {
	path := flags.String("c", "", "configuration file, which names the feeds")
	dir := flags.String("dir", "", "data folder, if not that of the configuration")
	asJSON := flags.Bool("json", false, "machine-readable output")
	accept := flags.Bool("accept", false, "refresh: take a copy that has grown or shrunk suspiciously; name the feeds")
	verb := e.verb()
	if err := e.parse(flags); err != nil {
		return err
	}
	if !slices.Contains([]string{"list", "lookup", "refresh"}, verb) {
		return usagef("say what to do: list, lookup or refresh")
	}
	s, err := e.site(*path, *dir)
	if err != nil {
		return err
	}
	if len(s.config.Intel.Feeds) == 0 {
		return errors.New("the configuration has no feed: name it with -c")
	}
	desk, err := s.intel()
	if err != nil {
		return err
	}
	args := flags.Args()
	switch {
	case verb == "list" && len(args) == 0:
		return desk.list(ctx, *asJSON)
	case verb == "lookup" && len(args) == 1:
		return desk.lookup(ctx, args[0], *asJSON)
	case verb == "refresh" && (len(args) > 0 || !*accept):
		return desk.refresh(ctx, args, *accept, *asJSON)
	case verb == "refresh":
		return usagef("name the feeds that -accept is for")
	}
	return usagef("list takes no value, lookup one; flags come before them")
}

// intelDesk asks the monitor that runs, or else the stored copies.
type intelDesk struct {
	*site
	client *api.Client  // nil where no monitor runs
	feeds  *intel.Feeds // nil where one does
}

func (s *site) intel() (*intelDesk, error) {
	client, err := s.monitor()
	if err != nil || client != nil {
		return &intelDesk{site: s, client: client}, err
	}
	feeds, err := s.config.openIntel(time.Now, nil)
	return &intelDesk{site: s, feeds: feeds}, err
}

func (d *intelDesk) statuses(ctx context.Context) (list []intel.Status, err error) {
	if d.client == nil {
		return d.feeds.Statuses(), nil
	}
	return list, d.client.Do(ctx, "GET", "/v1/intel", person(), nil, &list)
}

func (d *intelDesk) list(ctx context.Context, asJSON bool) error {
	list, err := d.statuses(ctx)
	if err != nil {
		return err
	}
	return show(d.env, asJSON, "no feed is configured", "FEED,FORMAT,ACTION,STATE,COUNT,CONFIRMED,DETAIL", list, func(s intel.Status) []any {
		confirmed := "never"
		if !s.Confirmed.IsZero() {
			confirmed = s.Confirmed.Format(time.RFC3339)
		}
		return []any{s.Feed, s.Format, s.Action, s.State, s.Count, confirmed, detail(s)}
	})
}

// detail says what is wrong with a feed, in one line.
func detail(s intel.Status) string {
	text := strings.Join(strings.Fields(s.Detail), " ")
	if s.Suspicion != "" {
		text = string(s.Suspicion) + ": " + text
	}
	return text
}

// lookup ends with errNo where nothing lists the value.
func (d *intelDesk) lookup(ctx context.Context, value string, asJSON bool) error {
	var r intel.Result
	if d.client == nil {
		r = d.feeds.Lookup(value, time.Now())
	} else if err := d.client.Do(ctx, "GET", "/v1/intel/lookup?value="+url.QueryEscape(value), person(), nil, &r); err != nil {
		return err
	}
	if asJSON {
		if err := json.NewEncoder(d.stdout).Encode(r); err != nil {
			return err
		}
	} else if err := d.show(r); err != nil {
		return err
	}
	if len(r.Hits) == 0 {
		return errNo
	}
	return nil
}

func (d *intelDesk) show(r intel.Result) error {
	if r.ASN != 0 || r.Country != "" {
		fmt.Fprintf(d.stderr, "%s is in AS%d, country %s\n", r.Value, r.ASN, r.Country)
	}
	if len(r.Hits) == 0 {
		fmt.Fprintf(d.stderr, "no feed lists %s\n", r.Value)
		return nil
	}
	return table(d.stdout, "FEED,KIND,VALUE,CONFIDENCE,ACTION,UNTIL,OBJECT", r.Hits, func(h intel.Hit) []any {
		return []any{h.Feed, h.Kind, h.Value, h.Confidence, h.Action, h.Until.Format(time.RFC3339), h.Object}
	})
}

// refreshWait bounds one feed's refresh as its reader does.
const refreshWait = intel.RefreshTimeout + time.Minute

// refresh reads the feeds now, all where none is named. It ends with errNo where one was
// not good.
func (d *intelDesk) refresh(ctx context.Context, names []string, accept, asJSON bool) error {
	if len(names) == 0 {
		for _, f := range d.config.Intel.Feeds {
			names = append(names, f.Name)
		}
	}
	bad := false
	for _, name := range names {
		if err := d.refreshOne(ctx, name, accept); err != nil {
			fmt.Fprintf(d.stderr, "%s: %v\n", name, err)
			bad = true
		}
	}
	list, err := d.statuses(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(s intel.Status) bool { return !slices.Contains(names, s.Feed) })
	if asJSON {
		err = lines(d.stdout, list)
	} else {
		for _, s := range list {
			fmt.Fprintf(d.stdout, "%s: %s, %d in use\n", s.Feed, s.State, s.Count)
		}
	}
	if err == nil && bad {
		err = errNo
	}
	return err
}

func (d *intelDesk) refreshOne(ctx context.Context, name string, accept bool) error {
	if d.client == nil {
		_, err := d.feeds.Refresh(ctx, name, accept)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, refreshWait)
	defer cancel()
	return d.client.Do(ctx, "POST", "/v1/intel/refresh", person(), api.IntelRefresh{By: person(), Feed: name, Accept: accept}, nil)
}
