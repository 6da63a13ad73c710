package capture

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"vedette"
)

// TestReadsWhatIsWritten: a record with every member is read as it was written, without -lenient, with what the ledger
// adds to it.
func TestReadsWhatIsWritten(t *testing.T) {
	at := time.Date(2026, 1, 5, 12, 0, 0, 123456789, time.UTC)
	c := &vedette.Call{}
	fill(reflect.ValueOf(c).Elem())
	c.Time, c.AuthTime, c.Claimed, c.AcceptUntil = at, at, at, at
	c.Source = netip.MustParseAddrPort("[2001:db8::1]:1")
	b := vedette.AppendCall(nil, c)
	got, ok, err := ParseJudged(b, false)
	if !ok || err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, got) {
		t.Errorf("wrote %+v\nread  %+v", c, got)
	}
	for _, s := range []string{`,"clipped":true}`, `,"query_too_long":true,"body_sealed":"x"}`} {
		if _, _, err := ParseJudged(append(b[:len(b)-1:len(b)-1], s...), false); err != nil {
			t.Error(s, err)
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if _, ok := v.Interface().(vedette.Decimal); ok {
			d, _ := vedette.ParseDecimal("-1.25")
			v.Set(reflect.ValueOf(d))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString("t\"é")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Int, reflect.Int64:
		v.SetInt(2000)
	}
}
