package venue_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// socketRow is what captured sessions of one venue and scheme show of one kind of unit.
type socketRow struct {
	title, scheme, unit string
	signed, open        []string
	clients             []string
}

// writeSockets writes the table of WebSocket upgrades and messages from the captures:
// each part is altered, and the signature breaks or does not.
func writeSockets(t *testing.T, b *strings.Builder) {
	b.WriteString(`
## WebSocket

What a captured upgrade, log-in or other signed message covers, found by altering one part after the other, as ` + "`vedette check`" + ` does for
every one that it verifies. A part is a member of the message's JSON; ` + "`*`" + ` is a member or element more. Messages that carry no signature of their
own rest on the session's log-in alone. Left out are the key, the signature itself, and what makes a message a signed one. Venues without a row
sign nothing on a WebSocket in these captures: they use a token, or nothing at all.

| Venue | Scheme | Unit | Shows when altered | Left open | Clients captured |
|---|---|---|---|---|---|
`)
	for _, row := range socketRows(t) {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", row.title, row.scheme, row.unit, code(row.signed), code(row.open), strings.Join(row.clients, ", "))
	}
}

func code(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return "`" + strings.Join(parts, "` `") + "`"
}

func socketRows(t *testing.T) (rows []*socketRow) {
	for _, c := range captures(t, "*-ws.json") {
		for _, d := range venue.All {
			if d.Name != c.Exchange {
				continue
			}
			up := c.request()
			rows = note(rows, &c, d, up)
			for i := range c.Messages {
				if d.Push != nil {
					for _, m := range c.replies(i) {
						d.Push(&venue.Request{Kind: venue.Reply, Session: up.Session, Body: []byte(m)}, up.Session)
					}
				}
				rows = note(rows, &c, d, c.message(up, i))
			}
		}
	}
	slices.SortFunc(rows, func(a, b *socketRow) int {
		return cmp.Or(cmp.Compare(a.title, b.title), cmp.Compare(a.scheme, b.scheme), cmp.Compare(a.unit, b.unit))
	})
	return rows
}

// note adds what a unit shows to the row of its kind, if it verifies.
func note(rows []*socketRow, c *capture, d *venue.Dialect, r *venue.Request) []*socketRow {
	claim, ok := c.verifies(d, r)
	if !ok {
		return rows
	}
	unit := "upgrade"
	if r.Kind == venue.Message {
		var call vedette.Call
		d.Meaning(r, &call)
		unit = call.Operation.String()
		if claim.Login {
			unit = "log-in"
		}
	}
	at := slices.IndexFunc(rows, func(x *socketRow) bool {
		return x.title == d.Title && x.scheme == c.schemeName() && x.unit == unit
	})
	if at < 0 {
		at, rows = len(rows), append(rows, &socketRow{title: d.Title, scheme: c.schemeName(), unit: unit})
	}
	row := rows[at]
	row.clients = addSorted(row.clients, c.Client)
	open := map[string]bool{}
	for part, altered := range venue.Alterations(r) {
		now, verified := c.verifies(d, altered)
		if now.Key != claim.Key || now.Signature != claim.Signature || !bytes.Equal(now.SigBytes, claim.SigBytes) {
			continue // the key or the signature itself, or no longer a signed message
		}
		open[part] = open[part] || verified
	}
	for part, open := range open {
		if open {
			row.open = addSorted(row.open, part)
		} else if !strings.HasSuffix(part, "*") {
			row.signed = addSorted(row.signed, part)
		}
	}
	return rows
}
