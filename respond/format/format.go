// Package format writes findings and incidents in the forms that other people's systems read.
package format

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"vedette/respond"
)

// Format writes one event, without a line end. The result is valid UTF-8 and one line, but
// for Text.
type Format func(e respond.Event) []byte

// Named are the formats by the names that a configuration gives them.
var Named = map[string]Format{"json": JSON, "ocsf": OCSF, "stix": STIX, "cef": CEF, "text": Text}

// JSON writes the finding, the incident or the proposal as docs/formats.md has it.
func JSON(e respond.Event) []byte {
	switch {
	case e.Finding != nil:
		return encode(e.Finding)
	case e.Proposal != nil:
		return encode(e.Proposal)
	}
	return encode(e.Incident)
}

// object is a JSON object; its members are written in the order of their names.
type object = map[string]any

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an event does not encode: " + err.Error())
	}
	return b
}

// Text writes one line for people.
func Text(e respond.Event) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", strings.ToUpper(e.Severity().String()), kindOf(e), e.Words())
	sep := " ("
	for _, s := range e.Subjects() {
		fmt.Fprintf(&b, "%s%s %s", sep, s.Kind, s.ID)
		sep = ", "
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	return []byte(OneLine(b.String()))
}

// kindOf returns the detector, or says that it is an incident and in which state, or whose proposal.
func kindOf(e respond.Event) string {
	switch {
	case e.Finding != nil:
		return e.Finding.Detector
	case e.Proposal != nil:
		return "proposal of playbook " + e.Proposal.Playbook
	}
	return "incident " + e.Incident.State.String()
}

// OneLine makes the text valid UTF-8 without control characters, so that nobody can forge a
// line of a log, a field of a mail or a colour on a terminal through it: each becomes a space.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff:
			return ' '
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // they turn the direction of text
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// Clip cuts the text after n bytes at most, between two characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
