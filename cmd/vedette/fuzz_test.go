package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"vedette/internal/strictyaml"
	"vedette/sensor/capture"
)

// FuzzConfig: a configuration is refused or used, and a refusal is one line of words.
func FuzzConfig(f *testing.F) {
	f.Add([]byte("venues:\n  - name: binance\n    upstream: https://api.binance.com\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := defaultConfig()
		c.Venues = nil
		err := strictyaml.Decode(b, c)
		if err == nil {
			for _, v := range c.Venues {
				if v.Describe != "" {
					return // names a file
				}
			}
			err = c.check()
		}
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Fatal("refused without a word")
		}
	})
}

// FuzzConvert: what convert makes of a recording is a line that check reads.
func FuzzConvert(f *testing.F) {
	f.Add(`[{"exchange":"okx","method":"GET","url":"/api/v5/account/balance","headers":[["Host","h"]],"receivedAtMs":1,"apiKey":"k","secret":"s"}]`)
	f.Fuzz(func(t *testing.T, s string) {
		var out strings.Builder
		enc := json.NewEncoder(&out)
		keys := &keysFile{seen: map[string]*keptKey{}, warn: io.Discard}
		if convertFile(&env{stdin: strings.NewReader(s)}, "-", enc, keys) != nil {
			return
		}
		for line := range strings.Lines(out.String()) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("%q", line)
			}
			_ = capture.Read(strings.NewReader(line), func(*capture.Unit) error { return nil })
		}
	})
}
