package payload

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"

	"vedette"
)

// files are the parts of the Core Rule Set that speak of payloads. Those on methods, scanners, sessions of web pages and
// the shape of requests are left out: what a venue's API takes is the dialect's to say.
var files = []string{"901-INITIALIZATION", "921-PROTOCOL-ATTACK", "930-APPLICATION-ATTACK-LFI", "931-APPLICATION-ATTACK-RFI", "932-APPLICATION-ATTACK-RCE",
	"933-APPLICATION-ATTACK-PHP", "934-APPLICATION-ATTACK-GENERIC", "941-APPLICATION-ATTACK-XSS", "942-APPLICATION-ATTACK-SQLI",
	"944-APPLICATION-ATTACK-JAVA"}

// MaxParanoia is the strictest level of the Core Rule Set.
const MaxParanoia = 4

// rules are the compiled Core Rule Set. They are safe for concurrent use.
type rules struct{ waf coraza.WAF }

// compile reads the rules; it takes about a second of a processor.
func compile(paranoia int) (*rules, error) {
	var d strings.Builder
	fmt.Fprintf(&d, "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecDefaultAction \"phase:1,pass,nolog,noauditlog\"\nSecDefaultAction \"phase:2,pass,nolog,noauditlog\"\n"+
		"SecAction \"id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4250,setvar:tx.blocking_paranoia_level=%[1]d,setvar:tx.detection_paranoia_level=%[1]d\"\n", paranoia)
	for _, f := range files {
		fmt.Fprintf(&d, "Include @owasp_crs/REQUEST-%s.conf\n", f)
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(d.String()))
	if err != nil {
		return nil, fmt.Errorf("cannot compile the Core Rule Set: %w", err)
	}
	return &rules{waf}, nil
}

// attackTags are the rules' own names of what they find, attackFamilies what those find that have no such name, by the first
// digits of their ids.
var (
	attackTags = map[string]vedette.Attacks{"attack-rce": vedette.AttackRCE, "attack-injection-java": vedette.AttackJava, "attack-injection-php": vedette.AttackPHP,
		"attack-sqli": vedette.AttackSQLi, "attack-ssrf": vedette.AttackSSRF, "attack-lfi": vedette.AttackLFI, "attack-rfi": vedette.AttackRFI,
		"attack-injection-generic": vedette.AttackGeneric, "attack-xss": vedette.AttackXSS, "attack-protocol": vedette.AttackProtocol, "attack-ssti": vedette.AttackGeneric}
	attackFamilies = map[int]vedette.Attacks{921: vedette.AttackProtocol, 930: vedette.AttackLFI, 931: vedette.AttackRFI, 932: vedette.AttackRCE, 933: vedette.AttackPHP,
		934: vedette.AttackGeneric, 941: vedette.AttackXSS, 942: vedette.AttackSQLi, 944: vedette.AttackJava}
)

// scores are what a rule adds to the anomaly score, by its severity, as crs-setup.conf has them.
var scores = map[types.RuleSeverity]uint16{types.RuleSeverityCritical: 5, types.RuleSeverityError: 4, types.RuleSeverityWarning: 3, types.RuleSeverityNotice: 2}

// examine runs the rules over the items. It returns what they find, and the item that the first match is in, -1 where
// that cannot be told.
func (r *rules) examine(items []Item) (found vedette.Injection, first int) {
	tx := r.waf.NewTransaction()
	defer tx.Close()
	path, query := "/", []string(nil)
	for _, it := range items {
		switch it.Where {
		case vedette.InPath:
			path = it.Value
		case vedette.InQuery:
			if it.raw != "" {
				query = append(query, it.raw)
				continue
			}
			tx.AddGetRequestArgument(it.Name, it.Value)
		case vedette.InBody:
			tx.AddPostRequestArgument(it.Name, it.Value)
		case vedette.InHeader:
			switch it.kind {
			case cookieField:
				tx.AddRequestHeader("Cookie", it.Name+"="+it.Value)
			case packedParameter:
				tx.AddPostRequestArgument(it.Name, it.Value)
			default:
				tx.AddRequestHeader(it.Name, it.Value)
			}
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	tx.ProcessURI(path, "POST", "HTTP/1.1")
	tx.AddRequestHeader("Host", "venue")
	tx.ProcessRequestHeaders()
	tx.ProcessRequestBody()
	first = -1
	ids := 0
	for _, m := range tx.MatchedRules() {
		class := vedette.Attacks(0)
		for _, tag := range m.Rule().Tags() {
			class |= attackTags[tag]
		}
		if class == 0 {
			class = attackFamilies[m.Rule().ID()/1000]
		}
		score := scores[m.Rule().Severity()]
		if class == 0 || score == 0 || m.Message() == "" {
			continue
		}
		found.Classes |= class
		found.Score += score
		if ids < len(found.Rules) {
			found.Rules[ids] = uint32(m.Rule().ID())
			ids++
		}
		if first < 0 {
			first = matched(m, items)
		}
	}
	if first >= 0 {
		found.Where = items[first].Where
	}
	return found, first
}

// matched returns the item that a rule matched in.
func matched(m types.MatchedRule, items []Item) int {
	for _, d := range m.MatchedDatas() {
		name := d.Variable().Name()
		i := slices.IndexFunc(items, func(it Item) bool {
			switch {
			case strings.HasPrefix(name, "ARGS"):
				return (it.Where == vedette.InQuery || it.Where == vedette.InBody || it.kind == packedParameter) && (it.Name == d.Key() || it.Name == d.Value())
			case strings.HasPrefix(name, "REQUEST_COOKIES"):
				return it.kind == cookieField && it.Name == d.Key()
			case strings.HasPrefix(name, "REQUEST_HEADERS"):
				return it.Where == vedette.InHeader && it.kind == wholeField && strings.EqualFold(it.Name, d.Key())
			case name == "QUERY_STRING":
				return it.Where == vedette.InQuery
			case strings.HasPrefix(name, "REQUEST_"):
				return it.Where == vedette.InPath || it.raw != "" && strings.HasPrefix(name, "REQUEST_URI")
			}
			return false
		})
		if i >= 0 {
			return i
		}
	}
	return -1
}
