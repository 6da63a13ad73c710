package receiver

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"vedette/respond"
	"vedette/respond/format"
)

// Slack posts events as chat messages to an incoming webhook of Slack, or of a chat that speaks the
// same (Mattermost, Rocket.Chat). What waits is sent in one message.
type Slack struct {
	URL    string       // a secret: who has it can post
	Client *http.Client // nil for one of its own
	Now    func() time.Time
}

// Batch implements Receiver. Slack takes one message a second.
func (*Slack) Batch() (int, time.Duration) { return slackBatch, time.Second }

// Close implements Receiver.
func (*Slack) Close() error { return nil }

// Deliver implements Receiver.
func (s *Slack) Deliver(ctx context.Context, batch []respond.Event) error {
	return post(ctx, httpClient(s.Client), s.URL, nil, slackMessage(batch), s.Now())
}

// slackEscapes are the three characters that Slack's text gives a meaning to beyond mrkdwn, that is off.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slackMessage(batch []respond.Event) []byte {
	var lines []string
	for _, e := range batch {
		lines = append(lines, slackEscapes.Replace(format.Clip(string(format.Text(e)), slackLine)))
	}
	b, err := json.Marshal(struct {
		Text   string `json:"text"`
		Mrkdwn bool   `json:"mrkdwn"`
	}{strings.Join(lines, "\n"), false})
	if err != nil {
		panic("BUG: a chat message does not encode: " + err.Error())
	}
	return b
}
