package exchange

import (
	"errors"
	"math/bits"
	"strconv"
)

// Units is an amount of an asset, or a price, counted in 10^-8. Every asset has
// eight digits after the point, so that a price in Units times a quantity in Units
// over One is an amount of the quote asset.
type Units int64

// One is a whole of any asset.
const One Units = 100_000_000

const scale = 8

// Errors of ParseUnits.
var (
	ErrNumber    = errors.New("not a plain decimal number")
	ErrPrecision = errors.New("more than eight digits after the point")
	ErrRange     = errors.New("number too large")
)

// ParseUnits reads a plain decimal number without sign or exponent.
func ParseUnits(s string) (Units, error) {
	v, digits, fraction, point := Units(0), 0, 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c < '0' || c > '9':
			return 0, ErrNumber
		}
		digits++
		if point {
			fraction++
			if fraction > scale {
				if c != '0' {
					return 0, ErrPrecision
				}
				continue
			}
		}
		if v > MaxUnits/10 {
			return 0, ErrRange
		}
		v = v*10 + Units(c-'0')
	}
	if digits == 0 {
		return 0, ErrNumber
	}
	for ; fraction < scale; fraction++ {
		if v > MaxUnits/10 {
			return 0, ErrRange
		}
		v *= 10
	}
	if v > MaxUnits {
		return 0, ErrRange
	}
	return v, nil
}

// MustUnits is ParseUnits for constants of a program.
func MustUnits(s string) Units {
	u, err := ParseUnits(s)
	if err != nil {
		panic("BUG: cannot read amount " + strconv.Quote(s))
	}
	return u
}

// Append appends the number with exactly eight digits after the point.
func (u Units) Append(dst []byte) []byte {
	v := uint64(u)
	if u < 0 {
		dst = append(dst, '-')
		v = -v
	}
	dst = strconv.AppendUint(dst, v/uint64(One), 10)
	dst = append(dst, '.')
	f := v % uint64(One)
	for d := uint64(One) / 10; d > 0; d /= 10 {
		dst = append(dst, '0'+byte(f/d%10))
	}
	return dst
}

func (u Units) String() string { return string(u.Append(nil)) }

// mulDiv returns a×b/c and whether the quotient is exact and within MaxUnits; it
// rounds down. Arguments are not negative and c is positive.
func mulDiv(a, b, c Units) (q Units, exact, ok bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 0, false, false
	}
	v, r := bits.Div64(hi, lo, uint64(c))
	if v > uint64(MaxUnits) {
		return 0, false, false
	}
	return Units(v), r == 0, true
}

// cost is what a quantity costs at a price. Both are within their instrument's
// filters, which makes it exact and small enough.
func cost(price, quantity Units) Units {
	c, exact, ok := mulDiv(price, quantity, One)
	if !exact || !ok {
		panic("BUG: cost of an order is not exact")
	}
	return c
}
