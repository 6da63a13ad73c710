package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"

	"vedette/sensor"
)

// decoder undoes the content coding of the monitor's copy of an answer, as far as
// sensor.AnswerLimit.
type decoder struct {
	src  bytes.Reader
	gzip *gzip.Reader
	out  []byte
}

// decode returns the decoded beginning of raw, which may break off anywhere. It reports
// false for a coding it does not know.
func (d *decoder) decode(coding string, raw []byte) ([]byte, bool) {
	if coding == "" || strings.EqualFold(coding, "identity") || len(raw) == 0 {
		return raw, true
	}
	d.src.Reset(raw)
	var r io.Reader
	switch {
	case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		if d.gzip.Reset(&d.src) != nil {
			return nil, true
		}
		r = d.gzip
	case strings.EqualFold(coding, "deflate"):
		// RFC 9110 section 8.4.1.2: zlib, but some send bare deflate.
		z, err := zlib.NewReader(&d.src)
		if err != nil {
			d.src.Reset(raw)
			r = flate.NewReader(&d.src)
		} else {
			r = z
		}
	default:
		return nil, false
	}
	return d.read(r), true
}

func (d *decoder) read(r io.Reader) []byte {
	if d.out == nil {
		d.out = make([]byte, sensor.AnswerLimit)
	}
	n, _ := io.ReadFull(r, d.out)
	return d.out[:n]
}
