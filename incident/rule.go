package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/bound"
)

// Rule keeps findings out of incidents for a time: a suppression, or an expected change. The fields of
// its scope that are set must all match. What it keeps out is still recorded, and counted.
type Rule struct {
	ID string `json:"id"`
	// Expected says that this is the window of a change that was announced, such as a release, a key
	// rotation or a load test. It keeps out what such changes explain: all but critical findings.
	Expected   bool   `json:"expected"`
	Detector   string `json:"detector,omitempty"` // a name, or a family with its point: "access."
	Venue      string `json:"venue,omitempty"`
	Credential string `json:"credential,omitempty"`
	Account    string `json:"account,omitempty"`
	Owner      string `json:"owner,omitempty"`
	Source     string `json:"source,omitempty"` // address or CIDR
	JA4        string `json:"ja4,omitempty"`
	Instrument string `json:"instrument,omitempty"`

	Reason string    `json:"reason"`
	By     string    `json:"by"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"` // always set: nothing is silenced for ever
	// Kept is how many findings it kept out since the monitor started.
	Kept uint64 `json:"kept,omitempty"`
}

// TagSuppressed, a colon and the id of a rule is the tag of a finding that the rule kept out.
const TagSuppressed = "suppressed"

// Suppressed reports whether a rule kept the finding out of incidents: nobody is to be alarmed.
func Suppressed(f *vedette.Finding) bool {
	return slices.ContainsFunc(f.Tags, func(t string) bool { return strings.HasPrefix(t, TagSuppressed+":") })
}

// NewRule checks a rule and gives it an id that follows from what it says.
func NewRule(r Rule) (Rule, error) {
	r.From, r.Until, r.Kept, r.ID = r.From.UTC(), r.Until.UTC(), 0, ""
	if err := r.check(); err != nil {
		return r, fmt.Errorf("cannot %s: %w", r.verb(), err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic("BUG: a rule does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	r.ID = "s-" + hex.EncodeToString(sum[:6])
	return r, nil
}

func (r *Rule) verb() string {
	if r.Expected {
		return "expect"
	}
	return "suppress"
}

func (r *Rule) check() error {
	if err := cmp.Or(bound.Check(maxScope, "detector", r.Detector, "venue", r.Venue, "credential", r.Credential, "account", r.Account, "owner", r.Owner,
		"source", r.Source, "ja4", r.JA4, "instrument", r.Instrument), bound.Check(maxTitle, "by", r.By), bound.Check(maxNoteBytes, "reason", r.Reason)); err != nil {
		return err
	}
	longest := maxSuppression
	if r.Expected {
		longest = maxExpected
	}
	subject := cmp.Or(r.Credential, r.Account, r.Owner, r.Source, r.JA4, r.Instrument)
	_, sourceErr := prefix(r.Source)
	switch {
	case r.Reason == "" || r.By == "":
		return errors.New("say why, and who does")
	case r.Until.IsZero() || r.From.IsZero():
		return errors.New("say until when: nothing is silenced for ever")
	case !r.Until.After(r.From):
		return fmt.Errorf("it ends at %s, before it begins", r.Until.Format(time.RFC3339))
	case r.Until.Sub(r.From) > longest:
		return fmt.Errorf("it lasts %v, at most %v is allowed: renew it then", r.Until.Sub(r.From), longest)
	case subject == "" && r.Detector == "" && !(r.Expected && r.Venue != ""):
		return errors.New("its scope is everything: name a detector or a subject")
	case r.Source != "" && sourceErr != nil:
		return fmt.Errorf("source %q is no address or range", r.Source)
	}
	return nil
}

func prefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

// matches reports whether the rule keeps the finding out.
func (r *Rule) matches(f *vedette.Finding) bool {
	if f.Time.Before(r.From) || !f.Time.Before(r.Until) || r.Expected && f.Severity == vedette.Critical {
		return false
	}
	if r.Detector != "" && r.Detector != f.Detector && !(strings.HasSuffix(r.Detector, ".") && strings.HasPrefix(f.Detector, r.Detector)) {
		return false
	}
	for _, p := range [][2]string{{r.Venue, f.Venue}, {r.Credential, f.Credential}, {r.Account, f.Account}, {r.Owner, f.Owner}, {r.JA4, f.JA4}} {
		if p[0] != "" && p[0] != p[1] {
			return false
		}
	}
	if r.Instrument != "" && !strings.EqualFold(r.Instrument, f.Instrument) {
		return false
	}
	if r.Source == "" {
		return true
	}
	scope, err := prefix(r.Source)
	from, err2 := prefix(f.Source)
	return err == nil && err2 == nil && scope.Bits() <= from.Bits() && scope.Contains(from.Addr())
}
