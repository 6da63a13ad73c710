package format

import (
	"math"
	"net/netip"
	"strings"
	"time"

	"vedette"
	"vedette/respond"
)

// ocsfVersion is the version of the schema (schema.ocsf.io) that the events are of.
const ocsfVersion = "1.3.0"

// Activities of the findings category.
const (
	ocsfCreate = 1
	ocsfUpdate = 2
	ocsfClose  = 3
)

// OCSF writes a finding as a Detection Finding (class 2004), an incident as an Incident Finding
// (class 2005) of the Open Cybersecurity Schema Framework. It has no class for what is only proposed: that stays JSON.
func OCSF(e respond.Event) []byte {
	switch {
	case e.Finding != nil:
		return encode(ocsfFinding(e))
	case e.Proposal != nil:
		return JSON(e)
	}
	return encode(ocsfIncident(e))
}

// ocsfEvent returns what both classes share.
func ocsfEvent(e respond.Event, class int, className string, activity int) object {
	activities := map[int]string{ocsfCreate: "Create", ocsfUpdate: "Update", ocsfClose: "Close"}
	severities := []string{"Unknown", "Low", "Medium", "High", "Critical"}
	ids := []int{0, 2, 3, 4, 5}
	s := min(e.Severity(), vedette.Critical)
	from, to := span(e)
	return object{
		"category_uid": 2, "category_name": "Findings", "class_uid": class, "class_name": className,
		"activity_id": activity, "activity_name": activities[activity],
		"type_uid": class*100 + activity, "type_name": className + ": " + activities[activity],
		"time": e.Time().UnixMilli(), "start_time": from.UnixMilli(), "end_time": to.UnixMilli(),
		"severity_id": ids[s], "severity": severities[s], "message": valid(e.Words()),
		"metadata": object{"version": ocsfVersion, "uid": valid(e.ID()), "labels": valids(e.Tags()),
			"product": object{"name": "Vedette", "vendor_name": "Vedette"}},
	}
}

func ocsfFinding(e respond.Event) object {
	f := e.Finding
	o := ocsfEvent(e, 2004, "Detection Finding", ocsfCreate)
	o["status_id"], o["status"] = 1, "New"
	o["confidence_score"], o["risk_score"] = percent(f.Score), percent(e.Risk)
	o["is_alert"] = true
	o["finding_info"] = object{"uid": valid(f.ID), "title": valid(f.Summary), "types": []string{valid(f.Detector)},
		"created_time": f.Time.UnixMilli(), "first_seen_time": f.From.UnixMilli(), "last_seen_time": f.To.UnixMilli(),
		"analytic": object{"type_id": 1, "type": "Rule", "name": valid(f.Detector), "uid": valid(f.Detector)}}
	if list := ocsfAttacks(f.Tags); len(list) > 0 {
		o["finding_info"].(object)["attacks"] = list
	}
	proof := object{"data": object{"values": f.Values, "ledger": f.Evidence}}
	if a, err := netip.ParseAddr(f.Source); err == nil {
		proof["src_endpoint"] = object{"ip": a.Unmap().WithZone("").String()}
	}
	o["evidences"] = []object{proof}
	if list := ocsfResources(e); len(list) > 0 {
		o["resources"] = list
	}
	return o
}

// ocsfAttacks turns the tags that name a technique of MITRE ATT&CK into its objects.
func ocsfAttacks(tags []string) (list []object) {
	for _, t := range tags {
		id, ok := strings.CutPrefix(t, "attack:")
		if !ok {
			continue
		}
		technique, _, sub := strings.Cut(id, ".")
		a := object{"technique": object{"uid": valid(technique)}}
		if sub {
			a["sub_technique"] = object{"uid": valid(id)}
		}
		list = append(list, a)
	}
	return list
}

func ocsfResources(e respond.Event) []object {
	var list []object
	for _, s := range e.Subjects() {
		list = append(list, object{"type": s.Kind, "uid": valid(s.ID)})
	}
	return list
}

func ocsfIncident(e respond.Event) object {
	i := e.Incident
	activity := ocsfUpdate
	switch {
	case i.State == vedette.IncidentClosed:
		activity = ocsfClose
	case i.State == vedette.IncidentNew && i.Count <= 1:
		activity = ocsfCreate
	}
	o := ocsfEvent(e, 2005, "Incident Finding", activity)
	o["desc"] = valid(i.Title)
	states := map[vedette.IncidentState]int{vedette.IncidentNew: 1, vedette.IncidentTriaged: 2, vedette.IncidentContained: 2, vedette.IncidentClosed: 5}
	o["status_id"] = states[i.State]
	o["status"] = map[int]string{0: "Unknown", 1: "New", 2: "In Progress", 5: "Closed"}[states[i.State]]
	if verdict := map[vedette.Resolution]int{vedette.FalseAlarm: 1, vedette.TrueIncident: 2, vedette.BenignTrigger: 5}[i.Resolution]; verdict != 0 {
		o["verdict_id"] = verdict
	}
	list := []object{}
	for _, id := range i.Findings {
		list = append(list, object{"uid": valid(id), "title": valid(i.Title)})
	}
	o["finding_info_list"] = list
	if i.Assignee != "" {
		o["assignee"] = object{"name": valid(i.Assignee)}
	} else { // the class wants one of the two
		o["assignee_group"] = object{"name": "unassigned"}
	}
	// The class has no risk and no resources: what it does not name goes here.
	o["unmapped"] = object{"risk": e.Risk, "subjects": ocsfResources(e), "findings": i.Count, "state": i.State, "incident": valid(i.ID)}
	return o
}

// percent turns [0,1] into whole hundredths.
func percent(x float64) int { return int(math.Round(100 * min(max(x, 0), 1))) }

func valid(s string) string { return OneLine(s) }

func valids(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = valid(s)
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
