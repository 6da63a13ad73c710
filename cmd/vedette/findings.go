package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"os"
	"slices"
	"sync"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/respond"
)

// findingSink takes findings to playbooks, the JSONL file, receivers and the live view.
type findingSink struct {
	log  *slog.Logger
	out  io.Writer // nil for none
	file *os.File
	// respond carries playbooks out; nil for none.
	respond   func(respond.Event)
	receivers []*outgoing

	mu     sync.Mutex
	recent []*vedette.Finding // newest first
	total  int
	watch  func(*vedette.Finding) // for the demo; called without the lock
}

const recentFindings = 50 // shown on the page

func newFindingSink(c *config, log *slog.Logger, now func() time.Time) (*findingSink, error) {
	s := &findingSink{log: log}
	switch name := c.Findings.File; name {
	case "":
	case "-":
		s.out = os.Stdout
	default:
		f, err := os.OpenFile(c.file(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("cannot open findings: %w", err)
		}
		s.file, s.out = f, f
	}
	if err := s.openReceivers(c, now); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// take takes one finding; it is called from one goroutine. What playbooks do comes first.
func (s *findingSink) take(f *vedette.Finding) {
	e := respond.Of(f)
	if s.respond != nil && !incident.Suppressed(f) {
		s.respond(e)
	}
	s.log.Warn(f.Summary, "detector", f.Detector, "severity", f.Severity.String(), "source", f.Source, "id", f.ID, "incident", f.Incident)
	if s.out != nil {
		b, _ := json.Marshal(f)
		if _, err := s.out.Write(append(b, '\n')); err != nil {
			s.log.Error("finding not written", "error", err)
		}
	}
	if incident.Suppressed(f) {
		return
	}
	for _, r := range s.receivers {
		if err := r.put(e); err != nil {
			s.log.Error("finding not kept for a receiver", "receiver", r.name, "finding", f.ID, "error", err)
		}
	}
	s.mu.Lock()
	s.recent = slices.Insert(s.recent, 0, f)
	s.recent = s.recent[:min(len(s.recent), recentFindings)]
	s.total++
	watch := s.watch
	s.mu.Unlock()
	if watch != nil {
		watch(f)
	}
}

// takeIncident takes an incident as a finding left it. Receivers get it as it begins and as the number of its
// findings doubles: each finding they have had already.
func (s *findingSink) takeIncident(i *vedette.Incident) {
	e := respond.OfIncident(i)
	if s.respond != nil {
		s.respond(e)
	}
	if bits.OnesCount(uint(i.Count)) != 1 {
		return
	}
	for _, r := range s.receivers {
		if !r.incidents {
			continue
		}
		if err := r.put(e); err != nil {
			s.log.Error("incident not kept for a receiver", "receiver", r.name, "incident", i.ID, "error", err)
		}
	}
}

// takeProposal takes what a playbook proposes, as it is proposed and with each approval that is not the last, to the
// receivers that people read. It is called from one goroutine.
func (s *findingSink) takeProposal(i respond.Intervention) {
	for _, r := range s.receivers {
		if !r.proposals {
			continue
		}
		if err := r.put(respond.OfProposal(i)); err != nil {
			s.log.Error("proposal not kept for a receiver", "receiver", r.name, "intervention", i.ID, "error", err)
		}
	}
}

func (s *findingSink) last() []*vedette.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recent)
}

// close gives every receiver the same short time; what they do not take is delivered after the
// next start.
func (s *findingSink) close() {
	var wg sync.WaitGroup
	for _, r := range s.receivers {
		wg.Go(func() {
			if err := r.close(receiverGrace); err != nil {
				s.log.Error("cannot close", "part", "receiver "+r.name, "error", err)
			}
		})
	}
	wg.Wait()
	if s.file != nil {
		s.file.Close()
	}
}

// receiverGrace is how long receivers may take what waits when the monitor ends.
const receiverGrace = 3 * time.Second
