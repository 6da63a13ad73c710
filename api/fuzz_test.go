package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vedette"
)

// FuzzOrder: an order over the control socket is read or answered with 400 and why.
func FuzzOrder(f *testing.F) {
	f.Add(`{"Kind":"freeze","Venue":"binance","Credential":"desk-1"}`)
	f.Fuzz(func(t *testing.T, s string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(s))
		var in vedette.Restriction
		if ok := readOrder(w, r, &in); ok == (w.Body.Len() > 0) {
			t.Fatalf("read %v, and answered %q", ok, w.Body)
		} else if !ok {
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Error == "" || w.Code != http.StatusBadRequest {
				t.Fatalf("%d %q", w.Code, w.Body)
			}
		}
	})
}
