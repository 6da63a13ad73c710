package incident

import (
	"net/netip"
	"strings"
	"time"

	"vedette"
)

// Population says how common a subject is: how many accounts use it, and how many accounts are known
// in all. What nobody uses is (0, of). It must count calls that were authentic, not findings: else an
// attack on many accounts from one address would make the address common and fall apart.
type Population func(vedette.Subject) (accounts, of int)

// SubjectSubnet is the kind of a population's subject that is an IPv4 /24 or IPv6 /48.
const SubjectSubnet = "subnet"

// link is one thing that findings share. Kinds are those of vedette.Subject, and "place" for a subnet
// with a fingerprint.
type link struct{ kind, id string }

// reach is how far apart in time two findings may be that the link joins.
func (l link) reach(window time.Duration) time.Duration {
	switch l.kind {
	case "source", "ja4", "place":
		return window / addressPart
	}
	return window
}

// episode is a stretch of time in which findings shared a link, none further from the next than
// the link's reach.
type episode struct {
	From time.Time
	To   time.Time
	node *node
}

// near reports whether a finding at t belongs to the episode.
func (e *episode) near(t time.Time, reach time.Duration) bool {
	return !t.Before(e.From.Add(-reach)) && !t.After(e.To.Add(reach))
}

// linksOf returns what the finding can be joined by. Instrument and venue are no link: all who trade it
// would be one incident.
//
// An address links only while few accounts use it, a fingerprint only while it is rare among many, an
// owner only while he is not a broker. What is too common alone may still link together: the same
// fingerprint in the same subnet, if few are there.
func (j *Joiner) linksOf(f *vedette.Finding) []link {
	var out []link
	if f.Credential != "" {
		out = append(out, link{"credential", f.Venue + "\x00" + f.Credential})
	}
	if f.Account != "" {
		out = append(out, link{"account", f.Account})
	}
	if f.Owner != "" && j.few(vedette.Subject{Kind: "owner", ID: f.Owner}, maxOwnerAccounts) {
		out = append(out, link{"owner", f.Owner})
	}
	address, subnet := places(f.Source)
	if address != "" && j.few(vedette.Subject{Kind: "source", ID: address}, maxSharing) {
		out = append(out, link{"source", address})
	}
	if f.JA4 != "" {
		rare := j.rare(vedette.Subject{Kind: "ja4", ID: f.JA4})
		if rare {
			out = append(out, link{"ja4", f.JA4})
		} else if subnet != "" && j.few(vedette.Subject{Kind: SubjectSubnet, ID: subnet}, maxSharing) {
			out = append(out, link{"place", subnet + " " + f.JA4})
		}
	}
	for _, r := range f.Related[:min(len(f.Related), maxRelated)] {
		if l, ok := counterparty(r, f.Venue); ok {
			out = append(out, l)
		}
	}
	return out
}

// counterparty reads an entry of Related: a kind, a colon and an id, or the id of an account.
func counterparty(r, venue string) (link, bool) {
	kind, id, ok := strings.Cut(r, ":")
	switch {
	case r == "":
		return link{}, false
	case ok && kind == "credential":
		return link{kind, venue + "\x00" + id}, id != ""
	case ok && (kind == "account" || kind == "owner"):
		return link{kind, id}, id != ""
	case ok && (kind == "source" || kind == "ja4" || kind == "instrument" || kind == "venue"):
		return link{}, false // too common to be taken from hearsay
	}
	return link{"account", r}, true
}

func (j *Joiner) few(s vedette.Subject, most int) bool {
	if j.c.Population == nil {
		return true
	}
	n, _ := j.c.Population(s)
	return n <= most
}

func (j *Joiner) rare(s vedette.Subject) bool {
	if j.c.Population == nil {
		return false
	}
	n, of := j.c.Population(s)
	return of >= minPopulation && float64(n) <= rareShare*float64(of)
}

// places returns the address that a source stands for, an IPv4 address or IPv6 /64, and its subnet, an
// IPv4 /24 or IPv6 /48. A wider range stands for itself and has no subnet.
func places(source string) (address, subnet string) {
	if p, err := netip.ParsePrefix(source); err == nil {
		a, least := p.Addr().Unmap(), 64
		if a.Is4() {
			least = 32
		}
		if p.Bits() < least {
			return p.Masked().String(), ""
		}
		return Places(a)
	}
	a, err := netip.ParseAddr(source)
	if err != nil {
		return "", ""
	}
	return Places(a)
}

// Places returns the subjects "source" and SubjectSubnet that stand for an address: an IPv4 address or
// IPv6 /64, since one host has all of that, and an IPv4 /24 or IPv6 /48.
func Places(a netip.Addr) (address, subnet string) {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		p, _ := a.Prefix(24)
		return a.String(), p.String()
	}
	host, _ := a.Prefix(64)
	site, _ := a.Prefix(48)
	return host.String(), site.String()
}
