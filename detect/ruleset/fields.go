package ruleset

import (
	"slices"
	"time"

	"vedette"
	"vedette/detect"
)

// kind is what values of a field are.
type kind uint8

const (
	isText   kind = iota // in the arena
	isEnum               // one of a few words
	isNumber             // a float64
	isWhole              // a number without a fraction
	isBool
	isReasons // a set of words
	isAddress // of the client
)

var kindNames = []string{"text", "word", "number", "whole number", "yes or no", "list of words", "address"}

func (k kind) String() string { return kindNames[k] }

// Field is something of a call that rules can ask for.
type Field struct {
	Name string
	Kind string // what its values are
	Says string // what it is

	kind   kind
	text   detect.Text
	words  []string // of an enum
	word   func(*detect.Event) uint8
	number func(*detect.Event) float64
	hash   func(*detect.Event) uint64 // for distinct and first_seen; nil where the text is hashed
}

// Fields are what expressions can use, in the order of the documentation.
func Fields() []Field { return fields }

func fieldNamed(name string) *Field {
	if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		return &fields[i]
	}
	return nil
}

func fieldNames() (names []string) {
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func words[E interface {
	~uint8
	String() string
}](n int) (list []string) {
	for e := range n {
		list = append(list, E(e).String())
	}
	return list
}

func textField(name string, t detect.Text, says string, hash func(*detect.Event) uint64) Field {
	return Field{Name: name, Kind: isText.String(), Says: says, kind: isText, text: t, hash: hash}
}

func enumField(name string, list []string, says string, word func(*detect.Event) uint8) Field {
	return Field{Name: name, Kind: isEnum.String(), Says: says, kind: isEnum, words: list, word: word,
		hash: func(e *detect.Event) uint64 { return uint64(word(e)) }}
}

func numberField(name string, k kind, says string, number func(*detect.Event) float64) Field {
	return Field{Name: name, Kind: k.String(), Says: says, kind: k, number: number,
		hash: func(e *detect.Event) uint64 { return uint64(int64(number(e) * 1e6)) }}
}

func subject(k detect.Kind) func(*detect.Event) uint64 {
	return func(e *detect.Event) uint64 { return e.Subject[k] }
}

var fields = []Field{
	textField("venue", detect.TextVenue, "name of the venue", subject(detect.ByVenue)),
	enumField("operation", words[vedette.Operation](vedette.Operations), "what the call does", func(e *detect.Event) uint8 { return uint8(e.Operation) }),
	enumField("verdict", words[vedette.Verdict](vedette.Verdicts), "outcome of verification", func(e *detect.Event) uint8 { return uint8(e.Verdict) }),
	{Name: "reasons", Kind: isReasons.String(), Says: "why the verdict and the decision came out as they did", kind: isReasons},
	enumField("decision", words[vedette.Effect](int(vedette.StepUp)+1), "what the gate did", func(e *detect.Event) uint8 { return uint8(e.Effect) }),
	enumField("outcome", words[vedette.Outcome](int(vedette.Expired)+1), "what the venue made of the order", func(e *detect.Event) uint8 { return uint8(e.Outcome) }),
	numberField("status", isWhole, "HTTP status of the answer; 0 if there was none", func(e *detect.Event) float64 { return float64(e.Status) }),
	textField("error", detect.TextError, "the venue's own error code", nil),
	textField("credential", detect.TextCredential, "id of the key, token or wallet", subject(detect.ByCredential)),
	textField("account", detect.TextAccount, "account of the credential", subject(detect.ByAccount)),
	textField("owner", detect.TextOwner, "owner of the account", subject(detect.ByOwner)),
	{Name: "known", Kind: isBool.String(), Says: "the keyring has the credential, or the call was authentic", kind: isBool},
	{Name: "stranger", Kind: isBool.String(), Says: "the call is not authentic, and its network or ja4 is one that the credential had in no authentic call of the last four to eight weeks, but had some", kind: isBool},
	{Name: "source", Kind: isAddress.String(), Says: "address of the client; ask with source.in_cidr(…)", kind: isAddress, hash: subject(detect.BySource)},
	numberField("asn", isWhole, "network of the client; 0 if not known", func(e *detect.Event) float64 { return float64(e.ASN) }),
	{Name: "country", Kind: isText.String(), Says: "country of the client, two letters", kind: isText,
		hash: func(e *detect.Event) uint64 { return uint64(e.Country[0])<<8 | uint64(e.Country[1]) }, text: country},
	textField("ja4", detect.TextJA4, "TLS fingerprint of the client", subject(detect.ByFingerprint)),
	textField("client", detect.TextClient, "User-Agent", func(e *detect.Event) uint64 { return e.Client }),
	enumField("protocol", words[vedette.Protocol](int(vedette.FIX)+1), "how the call travelled", func(e *detect.Event) uint8 { return uint8(e.Protocol) }),
	textField("method", detect.TextMethod, "HTTP method, or that of a message", nil),
	textField("path", detect.TextPath, "escaped path without the query", func(e *detect.Event) uint64 { return e.Path }),
	textField("object", detect.TextObject, "id of something asked for, that is no order", func(e *detect.Event) uint64 { return e.Object }),
	textField("instrument", detect.TextInstrument, "what is traded", subject(detect.ByInstrument)),
	enumField("side", words[vedette.Side](int(vedette.Sell)+1), "of the order", func(e *detect.Event) uint8 { return uint8(e.Side) }),
	enumField("type", words[vedette.OrderType](int(vedette.StopLimit)+1), "of the order", func(e *detect.Event) uint8 { return uint8(e.Type) }),
	enumField("time_in_force", words[vedette.TimeInForce](int(vedette.Day)+1), "of the order", func(e *detect.Event) uint8 { return uint8(e.TimeInForce) }),
	numberField("price", isNumber, "of the order; 0 if it has none", func(e *detect.Event) float64 { return e.Price }),
	numberField("quantity", isNumber, "of the order, withdrawal or transfer", func(e *detect.Event) float64 { return e.Quantity }),
	textField("asset", detect.TextAsset, "of a withdrawal or transfer", func(e *detect.Event) uint64 { return e.Asset }),
	textField("address", detect.TextAddress, "where a withdrawal goes", func(e *detect.Event) uint64 { return e.Address }),
	numberField("latency_ms", isNumber, "from arrival until the last byte of the answer", func(e *detect.Event) float64 { return float64(e.Latency) / float64(time.Millisecond) }),
	numberField("request_bytes", isWhole, "of the body or message", func(e *detect.Event) float64 { return float64(e.RequestBytes) }),
	numberField("response_bytes", isWhole, "of the answer's body", func(e *detect.Event) float64 { return float64(e.ResponseBytes) }),
	numberField("skew_ms", isNumber, "how far the request's own time is ahead of its arrival; 0 if it has none", skew),
	numberField("part", isWhole, "place in a batch, from 1; 0 for the call itself", func(e *detect.Event) float64 { return float64(e.Part) }),
	numberField("hour", isWhole, "of the day, UTC", func(e *detect.Event) float64 { return float64(e.Time / int64(time.Hour) % 24) }),
	numberField("weekday", isWhole, "1 for Monday to 7 for Sunday, UTC", weekday),
}

// country is the text of the field country, that lies in the event itself.
const country = detect.Text(255)

func skew(e *detect.Event) float64 {
	if e.Claimed == 0 {
		return 0
	}
	return float64(e.Claimed-e.Time) / float64(time.Millisecond)
}

func weekday(e *detect.Event) float64 {
	const day = 24 * int64(time.Hour)
	return float64((e.Time/day+3)%7 + 1) // 1970 began on a Thursday
}
