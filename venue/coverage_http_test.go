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

// requestRow is what the captured requests of one venue and scheme leave open.
type requestRow struct {
	title, scheme string
	requests      int
	open          map[string]int // requests, by part
}

// writeRequests writes the table of what check names as open in captured requests: each
// part is altered or added, and the signature breaks or does not.
func writeRequests(t *testing.T, b *strings.Builder) {
	b.WriteString(`
## What check says of a request

What ` + "`vedette check`" + ` names in ` + "`uncovered`" + ` for the captured requests, found by altering one part after the other and by adding what is not
there: a query, a body to what is no GET, a parameter, a member. ` + "`body.*`" + ` is a member more in the body's JSON, ` + "`body.name`" + ` a member that is there,
` + "`body`" + ` all of it. What would be refused as ` + "`ambiguous`" + ` is not open, such as a body on GET, or a query beside a signed form (Kraken Futures). The
number says of how many of the requests it was said, where not of all. A query that is added to a request whose parameters stand
elsewhere reaches the venue; what that makes of it, only the venue knows.

| Venue | Scheme | Requests | Left open |
|---|---|--:|---|
`)
	for _, row := range requestRows(t) {
		var parts []string
		for part, n := range row.open {
			s := "`" + part + "`"
			if n < row.requests {
				s += fmt.Sprintf(" %d", n)
			}
			parts = addSorted(parts, s)
		}
		fmt.Fprintf(b, "| %s | %s | %d | %s |\n", row.title, row.scheme, row.requests, strings.Join(parts, ", "))
	}
}

func requestRows(t *testing.T) (rows []*requestRow) {
	for _, c := range captures(t, "*-rest.json") {
		for _, d := range venue.All {
			if d.Name != c.Exchange || unsigned(&c) {
				continue
			}
			at := slices.IndexFunc(rows, func(x *requestRow) bool { return x.title == d.Title && x.scheme == c.schemeName() })
			if at < 0 {
				at, rows = len(rows), append(rows, &requestRow{title: d.Title, scheme: c.schemeName(), open: map[string]int{}})
			}
			rows[at].requests++
			for _, part := range openParts(&c, d) {
				rows[at].open[part]++
			}
		}
	}
	slices.SortFunc(rows, func(a, b *requestRow) int {
		return cmp.Or(cmp.Compare(a.title, b.title), cmp.Compare(a.scheme, b.scheme))
	})
	return rows
}

// openParts is what verify.Uncovered says, by the standard library.
func openParts(c *capture, d *venue.Dialect) (open []string) {
	r := c.request()
	was, _ := c.verifies(d, r)
	whole := true
	for part, altered := range venue.Alterations(r) {
		if stillGood(c, d, &was, altered) {
			open = addSorted(open, part)
		} else if strings.HasPrefix(part, "body.") && !slices.Contains(open, part) {
			whole = false
		}
	}
	inBody := func(part string) bool { return strings.HasPrefix(part, "body.") }
	if whole && slices.ContainsFunc(open, inBody) {
		open = addSorted(slices.DeleteFunc(open, inBody), "body")
	}
	return open
}

func stillGood(c *capture, d *venue.Dialect, was *venue.Claim, r *venue.Request) bool {
	claim, verified := c.verifies(d, r)
	var call vedette.Call
	d.Meaning(r, &call)
	if claim.Signature != was.Signature || !bytes.Equal(claim.SigBytes, was.SigBytes) {
		return false // another spelling of the signature itself
	}
	return verified && r.Ambiguous(d.Repeatable) == "" && !d.Unread(r, &claim) && !call.Ambiguous &&
		(call.Operation != vedette.OpUnknown || !d.Disguised(r))
}
