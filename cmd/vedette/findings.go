package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/respond"
)

// findingSink takes findings to the JSONL file, the webhook and the live view.
type findingSink struct {
	log  *slog.Logger
	hook *respond.Webhook
	out  io.Writer // nil for none
	file *os.File

	mu     sync.Mutex
	recent []*vedette.Finding // newest first
	total  int
	watch  func(*vedette.Finding) // for the demo; called without the lock
}

const recentFindings = 50 // shown on the page

func newFindingSink(c *config, log *slog.Logger) (*findingSink, error) {
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
	if h := c.Findings.Webhook; h != nil {
		if err := s.webhook(c, h); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// webhookSecret checks a webhook's URL and reads the secret that it is signed with.
func (c *config) webhookSecret(h *webhookConfig) ([]byte, error) {
	if err := checkURL(h.URL); err != nil {
		return nil, fmt.Errorf("findings: webhook: %w", err)
	}
	b, err := os.ReadFile(c.file(h.SecretFile))
	if err != nil {
		return nil, fmt.Errorf("findings: webhook: %w", err)
	}
	secret, err := respond.ParseSecret(string(b))
	if err != nil {
		return nil, fmt.Errorf("findings: webhook: %s: %w", h.SecretFile, err)
	}
	return secret, nil
}

func (s *findingSink) webhook(c *config, h *webhookConfig) error {
	secret, err := c.webhookSecret(h)
	if err != nil {
		return err
	}
	s.hook = respond.NewWebhook(respond.Config{URL: h.URL, Secret: secret, Failed: func(f *vedette.Finding, err error) {
		s.log.Error("finding not delivered", "finding", f.ID, "error", err)
	}})
	return nil
}

// take takes one finding; it is called from one goroutine.
func (s *findingSink) take(f *vedette.Finding) {
	s.log.Warn(f.Summary, "detector", f.Detector, "severity", f.Severity.String(), "source", f.Source, "id", f.ID, "incident", f.Incident)
	if s.out != nil {
		b, _ := json.Marshal(f)
		if _, err := s.out.Write(append(b, '\n')); err != nil {
			s.log.Error("finding not written", "error", err)
		}
	}
	if s.hook != nil && !incident.Suppressed(f) && !s.hook.Send(f) {
		s.log.Error("webhook queue full: finding not sent", "finding", f.ID)
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

func (s *findingSink) last() []*vedette.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recent)
}

func (s *findingSink) close() {
	if s.hook != nil {
		s.hook.Close(3 * time.Second)
	}
	if s.file != nil {
		s.file.Close()
	}
}
