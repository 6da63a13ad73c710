package main

import (
	"strings"
	"testing"

	"vedette/respond"
)

// TestShowInterventions: what an attacker chose as an id moves no cursor and makes no line.
func TestShowInterventions(t *testing.T) {
	var b strings.Builder
	if err := table(&b, "ID,STATE,WHAT,PLAYBOOK,AT,UNTIL,APPROVED,WHY", []respond.Intervention{{ID: "1", State: respond.Proposed, Words: "freeze of credential \x1b[2Jx\r\n2  done", Why: "a\tb\u202e", Held: "never lists c", Needs: 1}}, interventionRow); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.ContainsAny(got, "\x1b\r\t\u202e") || strings.Count(got, "\n") != 2 || !strings.Contains(got, "0 of 1") || !strings.Contains(got, "a b ; never lists c") {
		t.Errorf("%q", got)
	}
}

// TestTable: rows without names are parted from what stands above, and commas stay.
func TestTable(t *testing.T) {
	var b strings.Builder
	if err := table(&b, "", [][]any{{"id", "a, b"}, {"severity", 3}}, func(row []any) []any { return row }); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != "\nid        a, b\nseverity  3\n" {
		t.Errorf("%q", got)
	}
}
