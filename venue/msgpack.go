package venue

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"vedette/internal/strictjson"
)

// appendMsgpack appends a JSON value as MessagePack, members in the order of the
// document and numbers in the shortest form, as the encoders of the known clients
// do. A member of the outermost object named without is left out. ok is false for a
// number that fits no 64 bits.
func appendMsgpack(dst []byte, v strictjson.Value, without string) (out []byte, ok bool) {
	switch v.Kind() {
	case strictjson.Null:
		return append(dst, 0xc0), true
	case strictjson.False:
		return append(dst, 0xc2), true
	case strictjson.True:
		return append(dst, 0xc3), true
	case strictjson.Number:
		return appendMsgpackNumber(dst, v.Raw())
	case strictjson.String:
		s := v.Text()
		return append(appendMsgpackSize(dst, len(s), 0xa0, 31, 0xd9, 0xda, 0xdb), s...), true
	case strictjson.Array:
		dst = appendMsgpackSize(dst, v.Len(), 0x90, 15, 0, 0xdc, 0xdd)
		for e := v.First(); e.Exists(); e = e.Next(v) {
			if dst, ok = appendMsgpack(dst, e, ""); !ok {
				return dst, false
			}
		}
		return dst, true
	case strictjson.Object:
		n := v.Len()
		if without != "" && v.Get(without).Exists() {
			n--
		}
		dst = appendMsgpackSize(dst, n, 0x80, 15, 0, 0xde, 0xdf)
		for e := v.First(); e.Exists(); e = e.Next(v) {
			name := e.Name()
			if without != "" && name == without {
				continue
			}
			dst = append(appendMsgpackSize(dst, len(name), 0xa0, 31, 0xd9, 0xda, 0xdb), name...)
			if dst, ok = appendMsgpack(dst, e, ""); !ok {
				return dst, false
			}
		}
		return dst, true
	}
	return dst, false
}

// appendMsgpackSize appends the head of a string, array or map: fixed with the size
// in it up to small, else by the shortest length; one is 0 where there is no
// one-byte length.
func appendMsgpackSize(dst []byte, n int, fixed byte, small int, one, two, four byte) []byte {
	switch {
	case n <= small:
		return append(dst, fixed|byte(n))
	case n <= math.MaxUint8 && one != 0:
		return append(dst, one, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, two), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, four), uint32(n))
}

func appendMsgpackNumber(dst []byte, s string) ([]byte, bool) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return dst, false
		}
		return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f)), true
	}
	if s[0] != '-' {
		n, err := strconv.ParseUint(s, 10, 64)
		return appendMsgpackUint(dst, n), err == nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return dst, false
	case n == 0: // -0 is an integer to no encoder
		return binary.BigEndian.AppendUint64(append(dst, 0xcb), 1<<63), true
	case n >= -32:
		return append(dst, byte(n)), true
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n)), true
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n)), true
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n)), true
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n)), true
}

func appendMsgpackUint(dst []byte, n uint64) []byte {
	switch {
	case n < 128:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}
