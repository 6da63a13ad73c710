package format

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/respond"
)

// CEF writes the event in ArcSight's Common Event Format, version 0 (Micro Focus Security
// ArcSight Common Event Format, implementation standard, version 26).
func CEF(e respond.Event) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|Vedette|Vedette|1|%s|%s|%d|", cefHeader(kindOf(e), 1023), cefHeader(e.Words(), 512), cefSeverity(e.Severity()))
	sep := ""
	add := func(key, value string, most int) {
		if value != "" {
			b.WriteString(sep + key + "=" + cefValue(value, most))
			sep = " "
		}
	}
	ms := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	add("rt", ms(e.Time()), 32)
	add("externalId", e.ID(), 128)
	from, to := span(e)
	add("start", ms(from), 32)
	add("end", ms(to), 32)
	add("msg", e.Words(), 1023)
	add("cfp1Label", "risk", 32)
	add("cfp1", strconv.FormatFloat(e.Risk, 'g', -1, 64), 32)
	custom := map[string]string{"credential": "cs1", "account": "cs2", "owner": "cs3", "ja4": "cs4", "instrument": "cs5", "venue": "cs6"}
	for _, s := range e.Subjects() {
		if a, err := netip.ParseAddr(s.ID); s.Kind == "source" && err == nil {
			add("src", a.Unmap().WithZone("").String(), 64)
			continue
		}
		key := custom[s.Kind]
		if key == "" { // a second of its kind, or a range of addresses
			continue
		}
		delete(custom, s.Kind)
		add(key+"Label", s.Kind, 32)
		add(key, s.ID, 4000)
	}
	return []byte(b.String())
}

// span returns the time that the event speaks of.
func span(e respond.Event) (from, to time.Time) {
	switch {
	case e.Finding != nil:
		return e.Finding.From, e.Finding.To
	case e.Proposal != nil:
		return e.Proposal.At, e.Proposal.Until
	}
	return e.Incident.From, e.Incident.To
}

// cefSeverity is on CEF's scale: 0–3 low, 4–6 medium, 7–8 high, 9–10 very high.
func cefSeverity(s vedette.Severity) int { return []int{0, 3, 5, 8, 10}[min(s, vedette.Critical)] }

var (
	cefHeaderEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefValueEscapes  = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

func cefHeader(s string, most int) string { return cefHeaderEscapes.Replace(Clip(OneLine(s), most)) }

func cefValue(s string, most int) string { return cefValueEscapes.Replace(Clip(OneLine(s), most)) }
