package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vedette/sensor/capture"
)

var convertCommand = &command{name: "convert", args: "[-keys-out FILE] FILE…",
	short:   "Turn recordings of test clients into a JSONL capture",
	example: "vedette convert -keys-out keys.yaml ccxt-rest.json ccxt-ws.json > clients.jsonl",
	run:     runConvert}

// recording is one request or session in the form that the recorders under
// venue/testdata/clients write: with the throwaway credential it was made with.
type recording struct {
	Exchange       string
	Method, URL    string
	Body           string
	Headers        [][2]string
	UpgradeHeaders map[string]string
	Messages       []string
	Replies        []string
	TLS            bool
	ReceivedAtMs   int64
	CapturedAtMs   int64
	Scheme         string
	APIKey         string
	Secret         string
	Passphrase     string
	PublicKeyPem   string
	WalletAddress  string
}

func runConvert(_ context.Context, e *env, flags *flag.FlagSet) error {
	out := flags.String("keys-out", "", "write the credentials of the recordings to this keys.yaml")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return usagef("no file given; - reads standard input")
	}
	keys := &keysFile{seen: map[string]*keptKey{}, warn: io.Discard}
	if *out != "" {
		keys.warn = e.stderr
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	for _, name := range flags.Args() {
		if err := convertFile(e, name, enc, keys); err != nil {
			return fmt.Errorf("cannot convert %s: %w", name, err)
		}
	}
	if *out != "" {
		return os.WriteFile(*out, []byte(keys.String()), 0o600)
	}
	return nil
}

func convertFile(e *env, name string, enc *json.Encoder, keys *keysFile) error {
	in, err := e.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var list []recording
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for i := range list {
		keys.add(&list[i])
		if err := enc.Encode(list[i].line()); err != nil {
			return err
		}
	}
	return nil
}

// line returns the recording as a line of a JSONL capture.
func (r *recording) line() *capture.Line {
	at := time.UnixMilli(max(r.ReceivedAtMs, r.CapturedAtMs)).UTC()
	l := &capture.Line{Event: "request", Time: at, Venue: r.Exchange, Method: r.Method, Headers: r.Headers, Body: r.Body}
	scheme := "http"
	if len(r.Messages) > 0 || r.UpgradeHeaders != nil {
		scheme, l.Method = "ws", "GET"
		for k, v := range r.UpgradeHeaders {
			l.Headers = append(l.Headers, [2]string{k, v})
		}
		r.conversation(l, at)
	}
	if r.TLS {
		scheme += "s"
	}
	host := ""
	for _, h := range l.Headers {
		if strings.EqualFold(h[0], "host") {
			host = h[1]
		}
	}
	l.URL = scheme + "://" + host + r.URL
	if strings.Contains(r.URL, "://") {
		l.URL = r.URL
	}
	return l
}

// conversation adds the messages. The venue's replies came before the last one; a
// challenge that was not recorded stands in the client's answer to it.
func (r *recording) conversation(l *capture.Line, at time.Time) {
	for i, m := range r.Messages {
		if i == len(r.Messages)-1 {
			for _, reply := range r.Replies {
				l.Messages = append(l.Messages, capture.LineMessage{Time: at, From: "venue", Data: reply})
			}
			var signed struct {
				Challenge string `json:"original_challenge"`
			}
			if json.Unmarshal([]byte(m), &signed) == nil && signed.Challenge != "" && len(r.Replies) == 0 {
				b, _ := json.Marshal(map[string]string{"event": "challenge", "message": signed.Challenge})
				l.Messages = append(l.Messages, capture.LineMessage{Time: at, From: "venue", Data: string(b)})
			}
		}
		l.Messages = append(l.Messages, capture.LineMessage{Time: at, From: "client", Data: m})
	}
}

// keysFile collects credentials.
type keysFile struct {
	strings.Builder
	seen map[string]*keptKey
	warn io.Writer
}

// keptKey is what a key was first recorded with.
type keptKey struct {
	secret, passphrase, publicKey string
	warned                        bool
}

// add writes the recording's credential unless it stands there. One secret of a key is
// written: recordings that were made with another do not verify with it.
func (k *keysFile) add(r *recording) {
	id := r.APIKey
	if r.WalletAddress != "" {
		id = strings.ToLower(r.WalletAddress)
	}
	if id == "" || r.Secret == "" && r.PublicKeyPem == "" && r.WalletAddress == "" {
		return
	}
	scheme := strings.TrimPrefix(strings.TrimPrefix(r.Scheme, "jwt-"), "legacy-")
	name := r.Exchange + " " + id + " " + scheme
	if was, ok := k.seen[name]; ok {
		if !was.warned && (was.secret != r.Secret || was.passphrase != r.Passphrase || was.publicKey != r.PublicKeyPem) {
			was.warned = true
			fmt.Fprintf(k.warn, "warning: %s key %q was recorded with two secrets, and the first is kept: convert such recordings apart\n", r.Exchange, id)
		}
		return
	}
	k.seen[name] = &keptKey{secret: r.Secret, passphrase: r.Passphrase, publicKey: r.PublicKeyPem}
	if k.Len() == 0 {
		k.WriteString("keys:\n")
	}
	q := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	fmt.Fprintf(k, "  - id: %s\n    venue: %s\n", q(id), r.Exchange)
	switch {
	case r.WalletAddress != "":
		fmt.Fprintf(k, "    scheme: eip712\n    wallet: %s\n", q(r.WalletAddress))
	case r.PublicKeyPem != "":
		fmt.Fprintf(k, "    scheme: %s\n    public_key: %s\n", scheme, q(r.PublicKeyPem))
	default:
		fmt.Fprintf(k, "    scheme: hmac\n    secret: %s\n", q(r.Secret))
	}
	if r.Passphrase != "" {
		fmt.Fprintf(k, "    passphrase: %s\n", q(r.Passphrase))
	}
}
