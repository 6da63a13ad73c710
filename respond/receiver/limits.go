package receiver

import "time"

// Bounds of receivers.
const (
	minSecret    = 24               // bytes of a webhook's secret, as Standard Webhooks wants
	timeout      = 20 * time.Second // of one HTTP request, below what an outbox gives an attempt
	syslogBatch  = 100              // messages that are written before the connection is looked at
	slackBatch   = 20               // events of one chat message
	slackLine    = 600              // bytes of one event in it; Slack cuts a text at 40,000 characters
	mailBatch    = 1000             // events of one mail
	mailLines    = 100              // of them written out, the most severe ones
	mailLine     = 900              // bytes of one: SMTP takes 998 on a line
	mailEvery    = 5 * time.Minute  // between two mails, unless configured
	drainTimeout = 5 * time.Second  // for the peer's system to acknowledge what was written
)
