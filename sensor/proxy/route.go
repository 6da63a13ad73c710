package proxy

import (
	"strings"
)

// route is a venue as the proxy serves it.
type route struct {
	Venue
	up *upstream
}

// find returns the venue of a call, nil if it is for none.
func find(routes []*route, host, path string) *route {
	name := host
	for _, r := range routes {
		if len(r.Hosts) == 0 && r.PathPrefix == "" {
			return r
		}
		if r.PathPrefix != "" && !under(path, r.PathPrefix) {
			continue
		}
		if len(r.Hosts) == 0 {
			return r
		}
		name, _ = splitPort(host)
		for _, h := range r.Hosts {
			if hostMatches(h, name) {
				return r
			}
		}
	}
	return nil
}

// under reports whether path lies under prefix, at a segment border.
func under(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// hostMatches reports whether a host name matches a pattern, whose "*." stands for one label.
func hostMatches(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		dot := strings.IndexByte(name, '.')
		return dot > 0 && strings.EqualFold(name[dot:], rest)
	}
	return strings.EqualFold(pattern, name)
}
