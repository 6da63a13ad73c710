package main

import (
	"maps"
	"slices"
	"time"

	"vedette"
	"vedette/api"
	"vedette/detect"
	"vedette/intel"
	"vedette/ledger"
	"vedette/pipeline"
	"vedette/respond"
)

// figures are what /metrics shows.
func (a *app) figures(p pipeline.Stats, l ledger.Stats) []api.Figure {
	one := func(name, help string, v float64) api.Figure {
		return api.Figure{Name: name, Help: help, Of: []api.Of{{Value: v}}}
	}
	gauge := func(name, help string, v float64) api.Figure {
		f := one(name, help, v)
		f.Gauge = true
		return f
	}
	x, g, d, i := a.proxy.Stats(), a.gate.Stats(), a.monitor.Detection(), a.joiner.Stats()
	f := []api.Figure{
		verdictFigure(p), operationFigure(p), a.upstreamFigure(),
		{Name: "decisions_total", Help: "Calls by what the gate did.", Label: "effect", Of: []api.Of{{Label: "allow", Value: float64(p.Allowed)},
			{Label: "deny", Value: float64(p.Denied)}, {Label: "throttle", Value: float64(p.Throttled)}, {Label: "step_up", Value: float64(p.SteppedUp)}}},
		one("would_deny_total", "Calls that enforce mode would have refused.", float64(p.WouldDeny)),
		one("findings_total", "Findings raised.", float64(p.Findings)),
		one("findings_suppressed_total", "Findings that a suppression or expected change kept out of incidents.", float64(i.Suppressed)),
		one("findings_late_total", "Findings that came later than incidents allow for.", float64(i.Late)),
		gauge("incidents_open", "Incidents that a finding may still join.", float64(i.Open)),
		gauge("incidents_unstored", "Changes of incidents that wait to be stored.", float64(i.Unstored)),
		one("incidents_evicted_total", "Incidents that left memory for lack of room; they are stored.", float64(i.Evicted)),
		one("incidents_lost_total", "Changes of incidents that were given up because nothing stored them.", float64(i.Lost)),
		one("calls_unseen_total", "Calls that detectors did not see because their queue was full.", float64(p.Unseen)),
		one("detect_events_total", "Calls and parts of batches that detectors saw.", float64(d.Events)),
		one("detect_evicted_total", "Subjects that detectors forgot for lack of room.", float64(d.Evicted)),
		gauge("detect_bytes", "Memory that detectors' subjects take.", float64(d.Bytes)), subjectFigure(d),
		one("gaps_total", "Gaps told by sensors and parts.", float64(p.Gaps)),
		one("ledger_lost_total", "Records that the ledger did not take.", float64(l.Lost)),
		one("ledger_records_total", "Records committed since the start.", float64(l.Appended)),
		one("ledger_bytes_total", "Bytes written to segments since the start.", float64(l.Bytes)),
		gauge("ledger_size", "Records in the ledger.", float64(l.Records)),
		gauge("ledger_queued", "Records not yet durable.", float64(l.Queued)),
		gauge("ledger_sync_seconds", "Duration of the last fsync.", l.SyncLast.Seconds()),
		gauge("ledger_delay_max_seconds", "Longest that a record waited until it was durable.", l.DelayMax.Seconds()),
		gauge("ledger_ready", "1 while the ledger takes records.", flag01(l.State == ledger.Ready)),
		one("replay_window_full_total", "Signatures that found no room in the replay window.", float64(a.window.Full())),
		gauge("keys", "Credentials in the keyring.", float64(a.ring.Len())),
		gauge("restrictions", "Restrictions in force.", float64(g.Restrictions)),
		gauge("failing", "Parts that decisions need and that fail.", float64(len(a.gate.Failing()))),
		one("proxy_connections_total", "Client connections accepted.", float64(x.Connections)),
		gauge("proxy_connections", "Client connections now.", float64(x.ConnectionsNow)),
		one("proxy_requests_total", "Requests read, well formed or not.", float64(x.Requests)),
		one("proxy_unrouted_total", "Requests for no venue.", float64(x.Unrouted)),
		one("proxy_limited_total", "Connections closed at once because of a limit.", float64(x.ConnectionLimit)),
		one("proxy_upstream_failed_total", "Calls without a whole answer from the venue.", float64(x.UpstreamFailed)),
		one("proxy_answers_unread_total", "Answers in a coding that the monitor cannot read.", float64(x.AnswersUnread)),
		one("proxy_sessions_total", "WebSocket sessions.", float64(x.Sessions)),
		gauge("proxy_sessions", "WebSocket sessions now.", float64(x.SessionsNow)),
		one("proxy_sessions_ended_total", "WebSocket sessions ended by a restriction.", float64(x.SessionsEnded)),
		one("proxy_monitor_panics_total", "Calls refused because the monitor panicked.", float64(x.MonitorPanics)),
		faultFigure(x.Faults),
		gauge("uptime_seconds", "Since the start.", a.now().Sub(a.started).Round(time.Second).Seconds()),
	}
	f = append(append(f, a.intelFigures()...), a.injectionFigures()...)
	return append(append(f, a.findings.figures()...), respondFigures(a.responder.Stats())...)
}

func flag01(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func verdictFigure(p pipeline.Stats) api.Figure {
	f := api.Figure{Name: "calls_total", Help: "Calls by verdict.", Label: "verdict"}
	for v := vedette.Verdict(1); int(v) < vedette.Verdicts; v++ {
		f.Of = append(f.Of, api.Of{Label: v.String(), Value: float64(p.Verdicts[v])})
	}
	return f
}

func operationFigure(p pipeline.Stats) api.Figure {
	f := api.Figure{Name: "operations_total", Help: "Calls by operation.", Label: "operation"}
	for o := range vedette.Operation(vedette.Operations) {
		f.Of = append(f.Of, api.Of{Label: o.String(), Value: float64(p.Operations[o])})
	}
	return f
}

func (a *app) upstreamFigure() api.Figure {
	f := api.Figure{Name: "upstream_up", Help: "1 while the venue can be reached.", Label: "venue", Gauge: true}
	for name, up := range a.proxy.Up() {
		f.Of = append(f.Of, api.Of{Label: name, Value: flag01(up)})
	}
	return f
}

func faultFigure(faults map[string]int64) api.Figure {
	f := api.Figure{Name: "proxy_faults_total", Help: "Requests that could not be read safely, by why.", Label: "fault"}
	for k, v := range faults {
		f.Of = append(f.Of, api.Of{Label: k, Value: float64(v)})
	}
	slices.SortFunc(f.Of, func(a, b api.Of) int {
		if a.Label < b.Label {
			return -1
		}
		return 1
	})
	return f
}

// intelFigures tells of each feed; there are none where none is configured.
func (a *app) intelFigures() []api.Figure {
	f := []api.Figure{
		{Name: "intel_indicators", Help: "Indicators of the copy in use, or networks of a database.", Label: "feed", Gauge: true},
		{Name: "intel_good", Help: "1 while the feed's last refresh was good.", Label: "feed", Gauge: true},
		{Name: "intel_confirmed_seconds", Help: "Since the feed last said the copy in use.", Label: "feed", Gauge: true},
		{Name: "intel_refused_total", Help: "Refreshes whose content was suspect.", Label: "feed"},
		{Name: "intel_failed_total", Help: "Refreshes that could not be had or stored.", Label: "feed"},
	}
	for _, s := range a.Intel() {
		age := 0.0
		if !s.Confirmed.IsZero() {
			age = a.now().Sub(s.Confirmed).Seconds()
		}
		for i, v := range []float64{float64(s.Count), flag01(s.State == intel.Good), age, float64(s.Refusals), float64(s.Failures)} {
			f[i].Of = append(f[i].Of, api.Of{Label: s.Feed, Value: v})
		}
	}
	return f
}

// injectionFigures tell of the examination of payloads.
func (a *app) injectionFigures() []api.Figure {
	if a.payloads.Examiner == nil {
		return nil
	}
	s := a.payloads.Stats()
	f := []api.Figure{
		{Name: "injection_suspicious_total", Help: "Calls whose parameters do not look like trading.", Of: []api.Of{{Value: float64(s.Suspicious)}}},
		{Name: "injection_examined_total", Help: "Of them, those that the Core Rule Set examined, by what it found.", Label: "found",
			Of: []api.Of{{Label: "payload", Value: float64(s.Attacks)}, {Label: "nothing", Value: float64(s.Clean)}}},
		{Name: "injection_unexamined_total", Help: "Of them, those that were not examined, or not whole, by why.", Label: "why"},
		{Name: "injection_panics_total", Help: "Examinations that the rules' own code broke off.", Of: []api.Of{{Value: float64(s.Panics)}}},
		{Name: "injection_seconds_total", Help: "Time that examinations took.", Of: []api.Of{{Value: s.Busy.Seconds()}}},
		{Name: "injection_ready", Help: "1 once the rules are compiled.", Gauge: true, Of: []api.Of{{Value: flag01(s.Compiled > 0)}}},
	}
	for u := vedette.Unexamined(1); int(u) < vedette.UnexaminedCauses; u++ {
		f[2].Of = append(f[2].Of, api.Of{Label: u.String(), Value: float64(s.Unexamined[u])})
	}
	return f
}

func respondFigures(s respond.Stats) []api.Figure {
	return []api.Figure{
		{Name: "interventions_total", Help: "What playbooks did, by how.", Label: "how", Of: []api.Of{{Label: "automatic", Value: float64(s.Automatic)},
			{Label: "approved", Value: float64(s.Approved)}, {Label: "dry_run", Value: float64(s.Dry)}, {Label: "failed", Value: float64(s.Failed)}, {Label: "refused", Value: float64(s.Refused)}}},
		{Name: "interventions_unsaved_total", Help: "Changes of interventions that the disk did not take.", Of: []api.Of{{Value: float64(s.Unsaved)}}},
		{Name: "interventions_proposed", Help: "Interventions that wait for approval.", Gauge: true, Of: []api.Of{{Value: float64(s.Proposed)}}},
	}
}

// figures are those of the receivers.
func (s *findingSink) figures() []api.Figure {
	if len(s.receivers) == 0 {
		return nil
	}
	list := []api.Figure{
		{Name: "receiver_sent_total", Help: "Events that a receiver took."},
		{Name: "receiver_refused_total", Help: "Events that a receiver will never take."},
		{Name: "receiver_dropped_total", Help: "Events given up since too much waited for a receiver, or the disk took no more."},
		{Name: "receiver_retried_total", Help: "Attempts at delivery that failed."},
		{Name: "receiver_pending", Help: "Events that wait for a receiver.", Gauge: true},
		{Name: "receiver_up", Help: "1 while the last attempt at delivery did not fail.", Gauge: true}}
	for _, r := range s.receivers {
		x := r.box.Stats()
		for i, v := range []float64{float64(x.Sent), float64(x.Refused), float64(x.Dropped), float64(x.Retried), float64(x.Pending), flag01(x.Down == "")} {
			list[i].Label = "receiver"
			list[i].Of = append(list[i].Of, api.Of{Label: r.name, Value: v})
		}
	}
	return list
}

func subjectFigure(d detect.Stats) api.Figure {
	f := api.Figure{Name: "detect_subjects", Help: "Subjects that detectors keep, by kind.", Label: "kind", Gauge: true}
	for _, kind := range slices.Sorted(maps.Keys(d.Subjects)) {
		f.Of = append(f.Of, api.Of{Label: kind, Value: float64(d.Subjects[kind])})
	}
	return f
}
