package venue_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette/venue"
)

var rewrite = flag.Bool("rewrite", false, "write docs/coverage.md anew")

const coverageDoc = "../docs/coverage.md"

// TestCoverageDoc holds docs/coverage.md to the dialects. To write it anew:
//
//	go test ./venue -run TestCoverageDoc -rewrite
func TestCoverageDoc(t *testing.T) {
	want := coverage(t)
	if *rewrite {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(coverageDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(coverageDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/coverage.md is stale: go test ./venue -run TestCoverageDoc -rewrite\nfirst difference: %s", firstDifference(string(got), want))
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d\n has %s\nwant %s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(x), len(y))
}

// freshness is what the claims of a scheme's captures say of time and nonce.
type freshness struct {
	rest             int // captures
	ages, expiries   []string
	clients          []string
	nonce            venue.NonceRule
	keep             int
	replayable, pass bool
}

var coverageParts = []struct {
	name string
	part venue.Part
}{{"method", venue.CoversMethod}, {"host", venue.CoversHost}, {"path", venue.CoversPath}, {"query", venue.CoversQuery}, {"body", venue.CoversBody},
	{"time", venue.CoversTime}, {"nonce", venue.CoversNonce}}

// coverage writes the document from the dialects and the captures of their clients.
func coverage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`<!-- Written by TestCoverageDoc from the dialects: go test ./venue -run TestCoverageDoc -rewrite -->
# What a signature covers

A signed request can be altered in every part that its signature leaves out, and can be sent again for as long as the venue takes it. This
table says what that is for each venue, by the dialects that Vedette verifies with. ` + "`TestCoverage`" + ` holds method, host, path, query and body of
every row to captured requests of real clients: each part is altered, and the signature must break exactly where the table has a mark; ◐ is
what only some endpoints sign. ` + "`TestAltered`" + ` alters signature, time and nonce. Agreement with clients does not prove what a venue accepts.

**Fresh for** is how far a request's time may lie in the past and in the future, as the clients asked for it. **A captured request can be sent
again** says what somebody who has seen one request could do at the venue alone; Vedette refuses each: the first time it sees a signature it
remembers it for as long as it could be accepted, whatever the rest of the request says (` + "`signature_reused`, `cross_endpoint`" + `). Where the table
says "for ever" it cannot tell the same request sent again, and marks it ` + "`replayable`" + `.

| Venue | Scheme | ` + strings.Join(partNames(), " | ") + ` | Fresh for | Nonce rule | A captured request can be sent again | Clients captured |
|---|---|` + strings.Repeat(":-:|", len(coverageParts)) + `---|---|---|---|
`)
	seen := observe(t)
	dialects := slices.Clone(venue.All)
	slices.SortFunc(dialects, func(a, b *venue.Dialect) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range dialects {
		for i := range d.Schemes {
			s := &d.Schemes[i]
			f := seen[d.Name+" "+s.Name]
			marks := make([]string, len(coverageParts))
			for j, p := range coverageParts {
				switch {
				case s.Partly&p.part != 0:
					marks[j] = "◐"
				case s.Covers&p.part != 0:
					marks[j] = "●"
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", d.Title, s.Name, strings.Join(marks, " | "), f.fresh(), f.rule(), again(s, &f), strings.Join(f.clients, ", "))
		}
	}
	writeRequests(t, &b)
	writeSockets(t, &b)
	b.WriteString("\n## What the tables cannot say\n\n")
	for _, d := range dialects {
		var notes []string
		for _, s := range d.Schemes {
			if s.Note != "" && !slices.Contains(notes, s.Note) {
				notes = append(notes, s.Note)
			}
		}
		if len(notes) > 0 {
			fmt.Fprintf(&b, "- **%s** ([signing](%s)): %s\n", d.Title, d.Docs, strings.Join(notes, " "))
		}
	}
	b.WriteString(`
## Where one part ends and the next begins

Many venues sign parts joined without anything between them: time, method, path, query, body. Such a signature holds for every way to divide
the text: quantity=10 in the query is as good as quantity=1 there and a body that begins with 0. Vedette refuses as ` + "`ambiguous`" + ` what could be
divided otherwise, and ` + "`TestBoundaries`" + ` moves text over every border of the captured requests:

- a body on GET or HEAD that says anything, for every venue, and any at all where it is signed behind the path; ` + "`{}`" + ` that nothing signs is
  let through, as Coinbase's Python client sends it with every GET;
- query and form body in one request, where both are signed as one text (Binance, MEXC, Kraken Futures), unless the border shows itself: for
  Binance and MEXC where the query ends with a whole timestamp, recvWindow, side, type, timeInForce or positionSide and the body begins with a
  parameter's name, as go-binance and the venues' documents have it. No digit or letter can go over that border and leave a time or word on
  one side and a name on the other;
- a body that is not JSON behind a signed path (OKX, Bitget, KuCoin, Coinbase), and a path or query that opens JSON beside GET;
- a query or body that begins with a digit behind a time or window (Bybit, MEXC contracts, BitMEX);
- an ampersand in a value, or an equals sign in a name, where parameters are joined unescaped (Binance WebSocket, Backpack).

A nonce or expiry that digits could have come to must be a time near now: more than an hour off, for an expiry more than an hour and a minute
ahead, is ` + "`stale`" + `. A nonce is milliseconds and up to six digits more, be they a counter or microseconds. Where digits before it,
or fewer of its own, are a time within two hours of it too, the request is ` + "`ambiguous`" + `: about one in 100,000, by chance.

## What follows

- No mark at **path** or **method**: one captured request is good for another endpoint within its window. Seen through Vedette the second use is
  ` + "`replayed`, `cross_endpoint`" + `, and a finding of its own. It can only tell if it saw the first: put it in front of every endpoint of the venue, not
  of some.
- No mark at **body** or **query**: whoever can alter requests on their way can alter what they ask for. Only the transport's TLS guards it.
- No **nonce** and a time in whole seconds or milliseconds: two honest requests may be the same bytes. Vedette calls the second
  ` + "`coincident`" + ` within one tick, and ` + "`retry`" + ` where the first was never answered.
- **Host** without a mark: a request for a venue's test system is good for the real one, where a key is good for both. A client that signs the
  venue's own name while it talks to a proxy of another is accepted.
`)
	return b.String()
}

func partNames() (names []string) {
	for _, p := range coverageParts {
		names = append(names, strings.ToUpper(p.name[:1])+p.name[1:])
	}
	return names
}

// observe claims every captured request, and says what the claims have in common.
func observe(t *testing.T) map[string]freshness {
	t.Helper()
	seen := map[string]freshness{}
	note := func(d *venue.Dialect, c *capture, claim *venue.Claim, socket bool) {
		if claim.Auth != venue.AuthSignature && claim.Auth != venue.AuthRecover {
			return
		}
		name := d.Name + " " + cmp.Or(claim.Scheme, c.schemeName())
		f := seen[name]
		f.clients = addSorted(f.clients, strings.TrimSuffix(c.Client, " (old)"))
		if socket {
			seen[name] = f
			return // a session's log-in is another form: the notes say what it leaves out
		}
		f.rest++
		if !claim.Time.IsZero() {
			f.ages = addSorted(f.ages, shortDuration(claim.MaxAge)+" / "+shortDuration(claim.MaxAhead))
		}
		if !claim.Expires.IsZero() && claim.Time.IsZero() {
			f.expiries = addSorted(f.expiries, "until the client's expiry")
		}
		f.nonce, f.keep = max(f.nonce, claim.NonceRule), max(f.keep, claim.NonceKeep)
		f.replayable = f.replayable || claim.Replayable
		seen[name] = f
	}
	for _, c := range captures(t, "*.json") {
		for _, d := range venue.All {
			if d.Name != c.Exchange {
				continue
			}
			r := c.request()
			var claim venue.Claim
			if c.Messages == nil && c.UpgradeHeaders == nil {
				d.Claim(r, &claim)
				note(d, &c, &claim, false)
				continue
			}
			for i := range c.Messages {
				var claim venue.Claim
				d.Claim(c.message(r, i), &claim)
				note(d, &c, &claim, true)
			}
		}
	}
	return seen
}

func addSorted(list []string, s string) []string {
	if !slices.Contains(list, s) {
		list = append(list, s)
		slices.Sort(list)
	}
	return list
}

func shortDuration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if rest, ok := strings.CutSuffix(s, zero); ok && rest != "" && strings.ContainsAny(rest[len(rest)-1:], "mh") {
			s = rest
		}
	}
	return s
}

func (f *freshness) fresh() string {
	if f.rest == 0 {
		return "not captured"
	}
	if all := append(slices.Clone(f.ages), f.expiries...); len(all) > 0 {
		return strings.Join(all, ", ")
	}
	return "no time"
}

func (f *freshness) rule() string {
	switch f.nonce {
	case venue.NonceUnique:
		return "once"
	case venue.NonceIncreasing:
		return "increasing"
	case venue.NonceHighest:
		return fmt.Sprintf("among the %d highest", f.keep)
	}
	return ""
}

// again says what a captured request is good for.
func again(s *venue.Scheme, f *freshness) string {
	var open []string
	for _, p := range coverageParts[:5] {
		switch {
		case s.Partly&p.part != 0:
			open = append(open, p.name+" on some endpoints")
		case s.Covers&p.part == 0 && p.part != venue.CoversHost:
			open = append(open, p.name)
		}
	}
	what := "as it is"
	if len(open) > 0 {
		what += ", and with another " + strings.Join(open, ", ")
	}
	switch {
	case f.replayable && len(f.ages)+len(f.expiries) == 0:
		return what + "; for ever"
	case f.nonce != venue.NonceNone:
		return what + "; where the venue keeps its nonces, only if the first did not arrive"
	}
	return what + "; while fresh"
}
