package vedette

import (
	"fmt"
	"math/bits"
	"strconv"
)

// Injection is what a call's parameters carry that attacks the venue's software. It is
// zero for a call that carries nothing of the kind.
type Injection struct {
	Classes Attacks // of payload that were found; none if nothing was
	// Unexamined says why what looked suspicious was not examined, or not whole.
	Unexamined Unexamined
	Where      Place
	Score      uint16    // anomaly score of the Core Rule Set
	Rules      [4]uint32 // ids of the first rules that matched, 0 beyond
	Parameter  string    // where the first rule matched: its name, "" where it has none that may be told
	Sample     string    // of the value, cut; "" where the policy for bodies keeps no text
}

// Zero reports whether there is nothing to tell.
func (i *Injection) Zero() bool { return i.Classes == 0 && i.Unexamined == Examined }

// Attacks is a set of kinds of payload.
type Attacks uint16

// The kinds, the gravest first.
const (
	AttackRCE      Attacks = 1 << iota // commands of a shell
	AttackJava                         // code and look-ups of Java
	AttackPHP                          // code of PHP
	AttackSQLi                         // SQL
	AttackSSRF                         // has the venue ask elsewhere
	AttackLFI                          // files of the venue's
	AttackRFI                          // files from elsewhere
	AttackGeneric                      // code of other languages, templates
	AttackXSS                          // code for browsers
	AttackProtocol                     // header fields and requests within a value
	attackEnd
)

var attackNames = []string{"rce", "java", "php", "sqli", "ssrf", "lfi", "rfi", "generic", "xss", "protocol"}

// List returns the names of the set, the gravest first.
func (a Attacks) List() (list []string) {
	for i, n := range attackNames {
		if a&(1<<i) != 0 {
			list = append(list, n)
		}
	}
	return list
}

// Gravest returns the gravest kind of the set.
func (a Attacks) Gravest() Attacks { return a & -a }

// String names the gravest kind.
func (a Attacks) String() string {
	if n := bits.TrailingZeros16(uint16(a)); n < len(attackNames) {
		return attackNames[n]
	}
	return ""
}

// ParseAttack reads one kind's name.
func ParseAttack(name string) (Attacks, error) {
	for i, n := range attackNames {
		if n == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("cannot read class of attack %q: want one of %q", name, attackNames)
}

// Place is a part of a request that carries parameters.
type Place uint8

// The places.
const (
	Nowhere Place = iota
	InPath
	InQuery
	InBody
	InHeader
)

var placeNames = []string{"", "path", "query", "body", "header"}

func (p Place) String() string { return enumName(placeNames, p) }

// MarshalText returns the name used in every format of ours.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (p *Place) UnmarshalText(b []byte) error { return enumParse("place", placeNames, string(b), p) }

// Unexamined is why suspicious parameters were not examined.
type Unexamined uint8

// The causes.
const (
	Examined         Unexamined = iota // they were, or nothing was suspicious
	OverSourceBudget                   // the source had used up its share
	OverBudget                         // all sources together had
	QueueFull                          // too many waited
	TooLate                            // it took longer than a call may be held back
	RulesNotReady                      // the rules were still being compiled, shortly after the start
	TooLong                            // only the beginnings were examined, and there was nothing in them
	ExaminerFailed                     // the rules cannot be used
	unexaminedCount
)

// UnexaminedCauses is the number of causes, Examined included; every Unexamined is below it.
const UnexaminedCauses = int(unexaminedCount)

var unexaminedNames = []string{"", "source_budget", "budget", "queue", "late", "starting", "size", "failed"}

func (u Unexamined) String() string { return enumName(unexaminedNames, u) }

// MarshalText returns the name used in every format of ours.
func (u Unexamined) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (u *Unexamined) UnmarshalText(b []byte) error {
	return enumParse("cause", unexaminedNames, string(b), u)
}

func (w *jsonWriter) injection(i *Injection) {
	if i.Zero() {
		return
	}
	w.key("injection")
	w.b = append(w.b, '{')
	if i.Classes != 0 {
		w.key("classes")
		w.b = append(w.b, '[')
		for n, name := range attackNames {
			if i.Classes&(1<<n) != 0 {
				if w.b[len(w.b)-1] != '[' {
					w.b = append(w.b, ',')
				}
				w.b = append(append(append(w.b, '"'), name...), '"')
			}
		}
		w.b = append(w.b, ']')
	}
	w.num("score", int64(i.Score))
	if i.Rules[0] != 0 {
		w.key("rules")
		w.b = append(w.b, '[')
		for n, id := range i.Rules {
			if id == 0 {
				break
			}
			if n > 0 {
				w.b = append(w.b, ',')
			}
			w.b = strconv.AppendUint(w.b, uint64(id), 10)
		}
		w.b = append(w.b, ']')
	}
	w.str("where", i.Where.String())
	w.str("parameter", i.Parameter)
	w.str("sample", i.Sample)
	w.str("unexamined", i.Unexamined.String())
	w.b = append(w.b, '}')
}
