package incident

import (
	"net/netip"
	"slices"
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
	out = j.places(out, f.Source, f.JA4)
	own := len(out) > 0
	for _, r := range f.Related[:min(len(f.Related), maxRelated)] {
		l, named := related(r, f.Venue)
		switch {
		case l.id == "" || !named && !own:
		case l.kind == "source":
			out = j.places(out, l.id, "")
		case l.kind == "ja4":
			out = j.places(out, "", l.id)
		case l.kind == "owner" && !j.few(vedette.Subject{Kind: "owner", ID: l.id}, maxOwnerAccounts):
		default:
			out = append(out, l)
		}
	}
	return unique(out)
}

// places adds the links of an address and a fingerprint, as far as they say who it is.
func (j *Joiner) places(out []link, source, ja4 string) []link {
	address, subnet := places(source)
	if address != "" && j.few(vedette.Subject{Kind: "source", ID: address}, maxSharing) {
		out = append(out, link{"source", address})
	}
	switch {
	case ja4 == "":
	case j.rare(vedette.Subject{Kind: "ja4", ID: ja4}):
		out = append(out, link{"ja4", ja4})
	case subnet != "" && j.few(vedette.Subject{Kind: SubjectSubnet, ID: subnet}, maxSharing):
		out = append(out, link{"place", subnet + " " + ja4})
	}
	return out
}

// unique leaves out repeats.
func unique(list []link) []link {
	out := list[:0]
	for _, l := range list {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// related reads an entry of Related: a kind, a colon and an id, or the id of an account that the detector names.
// Instrument and venue are no link, nor what it cannot read: it is link{} then.
func related(r, venue string) (l link, named bool) {
	kind, id, ok := strings.Cut(r, ":")
	switch {
	case !ok:
		return link{"account", r}, true
	case kind == "instrument" || kind == "venue" || id == "":
		return link{}, false
	case kind == "credential":
		return link{kind, venue + "\x00" + id}, false
	case kind == "account" || kind == "owner" || kind == "source" || kind == "ja4":
		return link{kind, id}, false
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
