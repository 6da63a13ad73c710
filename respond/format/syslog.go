package format

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"vedette"
	"vedette/respond"
)

// Limits of RFC 5424, section 6, and of the text that a receiver must be able to hold.
const (
	maxHostname = 255
	maxProcID   = 128
	maxParam    = 1 << 10 // bytes of one parameter: as long as the longest id
	maxText     = 4 << 10 // bytes of a message for people
)

// structuredID names our structured data. 32473 is the enterprise number that RFC 5612 sets
// aside for documentation: this project has none of its own.
const structuredID = "vedette@32473"

// facility is "security/authorization messages" (RFC 5424, table 1).
const facility = 4

// Syslog writes the event as a message of RFC 5424. What follows the structured data is written by
// the format; a byte order mark goes before it where it is not plain ASCII, as the RFC wants; JSON is escaped to be.
func Syslog(e respond.Event, host, process string, message Format) []byte {
	var b strings.Builder
	severities := []int{6, 5, 4, 3, 2} // informational, notice, warning, error, critical
	kind := "finding"
	switch {
	case e.Incident != nil:
		kind = "incident"
	case e.Proposal != nil:
		kind = "proposal"
	}
	fmt.Fprintf(&b, "<%d>1 %s %s vedette %s %s [%s", facility*8+severities[min(e.Severity(), vedette.Critical)],
		e.Time().UTC().Format("2006-01-02T15:04:05.000000Z"), headerField(host, maxHostname), headerField(process, maxProcID), kind, structuredID)
	param := func(name, value string) {
		if value != "" {
			b.WriteString(" " + name + `="` + paramEscapes.Replace(Clip(OneLine(value), maxParam)) + `"`)
		}
	}
	param("id", e.ID())
	param("kind", kindOf(e))
	param("severity", e.Severity().String())
	param("risk", strconv.FormatFloat(e.Risk, 'g', -1, 64))
	for _, s := range e.Subjects() {
		param(s.Kind, s.ID)
	}
	b.WriteString("] ")
	text := string(message(e))
	if strings.HasPrefix(text, "{") {
		text = asciiJSON(text) // a mark before it would not be JSON
	} else {
		text = Clip(text, maxText)
	}
	if !ascii(text) {
		b.WriteString("\ufeff")
	}
	b.WriteString(text)
	return []byte(b.String())
}

var paramEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// headerField is a field of printable ASCII, "-" where there is nothing.
func headerField(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r > 0x20 && r < 0x7f {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// asciiJSON escapes what is no printable ASCII in a JSON text, which only strings can hold.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
