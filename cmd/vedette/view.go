package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"vedette"
	"vedette/api"
)

// view is the live view in a terminal.
type view struct {
	out   io.Writer
	calls uint64
	at    time.Time
	rate  float64
}

const (
	bold, dim, red, green, yellow, plain = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
	viewFindings                         = 8
	viewRestrictions                     = 5
	viewAddresses                        = 6
)

func (v *view) begin() { fmt.Fprint(v.out, "\x1b[?1049h\x1b[?25l") }
func (v *view) end()   { fmt.Fprint(v.out, "\x1b[?25h\x1b[?1049l") }

// draw paints the whole screen in one write.
func (v *view) draw(s api.Snapshot, page string) {
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range strings.Split(v.text(s, page), "\n") {
		b.WriteString(line + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[J")
	io.WriteString(v.out, b.String())
}

// text is the view without the terminal's commands for the cursor.
func (v *view) text(s api.Snapshot, page string) string {
	var b strings.Builder
	v.head(&b, s, page)
	fmt.Fprintf(&b, "\n%sCalls by verdict%s\n", bold, plain)
	total := uint64(0)
	for _, c := range s.Verdicts {
		total += c.Calls
	}
	for _, c := range s.Verdicts {
		fmt.Fprintf(&b, "  %-13s %s%10d%s  %s\n", c.Verdict, colourOf(c.Verdict), c.Calls, plain, bar(c.Calls, total))
	}
	if total == 0 {
		b.WriteString("  none yet\n")
	}
	fmt.Fprintf(&b, "\n%sFindings%s\n", bold, plain)
	for _, f := range s.Findings[:min(len(s.Findings), viewFindings)] {
		fmt.Fprintf(&b, "  %s %s%-8s%s %s\n", f.Time.UTC().Format("15:04:05"), severityColour(f.Severity), f.Severity, plain, cut(f.Summary, 100))
	}
	if len(s.Findings) == 0 {
		b.WriteString("  none\n")
	}
	fmt.Fprintf(&b, "\n%sRestrictions in force%s\n", bold, plain)
	for _, r := range s.Restrictions[:min(len(s.Restrictions), viewRestrictions)] {
		until := "until lifted"
		if !r.Until.IsZero() {
			until = "until " + r.Until.UTC().Format("15:04:05")
		}
		fmt.Fprintf(&b, "  %-10s %s, %s (%s, by %s)\n", r.Kind, cut(api.Scope(r), 60), until, cut(r.Reason, 40), r.By)
	}
	if len(s.Restrictions) == 0 {
		b.WriteString("  none\n")
	}
	return b.String()
}

func (v *view) head(b *strings.Builder, s api.Snapshot, page string) {
	calls := uint64(0)
	for _, c := range s.Verdicts {
		calls += c.Calls
	}
	if dt := s.Now.Sub(v.at).Seconds(); !v.at.IsZero() && dt > 0 {
		v.rate = 0.7*v.rate + 0.3*float64(calls-v.calls)/dt
	}
	v.calls, v.at = calls, s.Now
	state := green + "healthy" + plain
	if len(s.Failing) > 0 {
		state = red + "failing" + plain
	}
	fmt.Fprintf(b, "%sVedette%s  %s  mode %s  up %s  %.0f calls/s  %s\n\n", bold, plain, state, s.Mode, s.Now.Sub(s.Started).Round(time.Second), v.rate, page)
	for part, why := range s.Failing {
		fmt.Fprintf(b, "  %s%s: %s%s\n", red, part, cut(why, 90), plain)
	}
	for _, l := range s.Listening[:min(len(s.Listening), viewAddresses)] {
		up := ""
		if !l.Up {
			up = red + "  down" + plain
		}
		fmt.Fprintf(b, "  %-20s %s  %s-> %s%s%s\n", l.Venue, l.URL, dim, l.Upstream, plain, up)
	}
	if n := len(s.Listening) - viewAddresses; n > 0 {
		fmt.Fprintf(b, "  %sand %d more venues%s\n", dim, n, plain)
	}
}

func bar(n, of uint64) string {
	const width = 40
	if n == 0 || of == 0 {
		return ""
	}
	return dim + strings.Repeat("▪", int(max(1, n*width/of))) + plain
}

func colourOf(verdict string) string {
	switch verdict {
	case "authentic":
		return green
	case "anonymous":
		return ""
	case "unverifiable", "stale":
		return yellow
	}
	return red
}

func severityColour(s vedette.Severity) string {
	switch {
	case s >= vedette.High:
		return red
	case s == vedette.Medium:
		return yellow
	}
	return dim
}

// cut shortens what does not fit, and shows what could move the cursor as dots: a
// client chose some of this text.
func cut(s string, n int) string {
	r := []rune(s)
	for i, c := range r {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			r[i] = '·'
		}
	}
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}
