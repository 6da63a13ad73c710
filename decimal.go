package vedette

import (
	"errors"
	"math"
	"math/bits"
)

// Decimal is an exact decimal number: up to 38 digits with up to 38 of them after
// the point. The zero value means "not given", which differs from the number 0.
type Decimal struct {
	hi, lo uint64 // coefficient
	scale  uint8  // digits after the point
	neg    bool
	set    bool
}

// ErrDecimal reports text that is no decimal number or has more than 38 digits.
var ErrDecimal = errors.New("not a decimal number of at most 38 digits")

const maxScale = 38

// IsSet reports whether a number was given at all.
func (d Decimal) IsSet() bool { return d.set }

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.hi|d.lo == 0:
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// NewDecimal returns coefficient × 10^-scale. It panics if scale is over 38.
func NewDecimal(coefficient int64, scale uint8) Decimal {
	if scale > maxScale {
		panic("BUG: decimal scale over 38")
	}
	d := Decimal{lo: uint64(coefficient), scale: scale, set: true}
	if coefficient < 0 {
		d.neg, d.lo = true, -uint64(coefficient)
	}
	return d
}

// ParseDecimal reads "-12.5", "1e-7" and the like. It does not allocate.
func ParseDecimal[T string | []byte](s T) (Decimal, error) {
	d := Decimal{set: true}
	i, n := 0, len(s)
	if i < n && (s[i] == '-' || s[i] == '+') {
		d.neg = s[i] == '-'
		i++
	}
	digits, point, scale := 0, false, 0
	for ; i < n; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if !d.push(c - '0') {
				return Decimal{}, ErrDecimal
			}
			digits++
			if point {
				scale++
			}
		case c == '.' && !point:
			point = true
		case (c == 'e' || c == 'E') && digits > 0:
			exp, ok := smallInt(string(s[i+1:]))
			if !ok {
				return Decimal{}, ErrDecimal
			}
			scale -= exp
			i = n
		default:
			return Decimal{}, ErrDecimal
		}
	}
	if digits == 0 {
		return Decimal{}, ErrDecimal
	}
	for ; scale < 0; scale++ {
		if !d.push(0) {
			return Decimal{}, ErrDecimal
		}
	}
	for scale > maxScale {
		q, r := d.div10()
		if r != 0 {
			return Decimal{}, ErrDecimal
		}
		d.hi, d.lo, scale = q.hi, q.lo, scale-1
	}
	d.scale = uint8(scale)
	if d.Sign() == 0 {
		d.neg = false
	}
	return d, nil
}

func smallInt(s string) (int, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if s == "" || len(s) > 3 {
		return 0, false
	}
	v := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

// push appends a digit; false if the number would pass 38 digits.
func (d *Decimal) push(digit byte) bool {
	h1, l1 := bits.Mul64(d.lo, 10)
	h2, l2 := bits.Mul64(d.hi, 10)
	if h2 != 0 {
		return false
	}
	lo, c := bits.Add64(l1, uint64(digit), 0)
	hi, c := bits.Add64(l2, h1, c)
	if c != 0 || hi > 5421010862427522170 { // 10^38 = 5421010862427522170<<64 | 687399551400673280
		return false
	}
	if hi == 5421010862427522170 && lo >= 687399551400673280 {
		return false
	}
	d.hi, d.lo = hi, lo
	return true
}

func (d Decimal) div10() (Decimal, uint64) {
	q := d
	var r uint64
	q.hi, r = d.hi/10, d.hi%10
	q.lo, r = bits.Div64(r, d.lo, 10)
	return q, r
}

// Append appends the number in plain notation; nothing if it is not set.
func (d Decimal) Append(dst []byte) []byte {
	if !d.set {
		return dst
	}
	var buf [2 + 2*maxScale]byte
	i := len(buf)
	rest, left := d, int(d.scale)
	for {
		var digit uint64
		rest, digit = rest.div10()
		i--
		buf[i] = '0' + byte(digit)
		if left > 0 {
			left--
			if left == 0 {
				i--
				buf[i] = '.'
				if rest.hi|rest.lo == 0 {
					i--
					buf[i] = '0'
				}
			}
		}
		if rest.hi|rest.lo == 0 && left == 0 {
			break
		}
	}
	if d.neg {
		dst = append(dst, '-')
	}
	return append(dst, buf[i:]...)
}

func (d Decimal) String() string { return string(d.Append(nil)) }

// MarshalText writes the number in plain notation.
func (d Decimal) MarshalText() ([]byte, error) { return d.Append(nil), nil }

// UnmarshalText reads a number; the empty text is "not given".
func (d *Decimal) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = Decimal{}
		return nil
	}
	*d, err = ParseDecimal(b)
	return err
}

// Abs returns the number without its sign.
func (d Decimal) Abs() Decimal {
	d.neg = false
	return d
}

// Cmp returns -1, 0 or 1 as d is below, equal to or above e. Unset counts as 0.
func (d Decimal) Cmp(e Decimal) int {
	if s, t := d.Sign(), e.Sign(); s != t {
		if s < t {
			return -1
		}
		return 1
	}
	c := cmpAbs(d, e)
	if d.neg {
		return -c
	}
	return c
}

func cmpAbs(d, e Decimal) int {
	// Compare integer parts, then fractions, so that no scaling can overflow.
	di, df := d.split()
	ei, ef := e.split()
	if c := cmp128(di, ei); c != 0 {
		return c
	}
	for d.scale < e.scale {
		df.push(0)
		d.scale++
	}
	for e.scale < d.scale {
		ef.push(0)
		e.scale++
	}
	return cmp128(df, ef)
}

// split returns the integer part and the fraction as coefficients.
func (d Decimal) split() (whole, fraction Decimal) {
	whole, pow := d, Decimal{lo: 1}
	for i := uint8(0); i < d.scale; i++ {
		var digit uint64
		whole, digit = whole.div10()
		h, l := bits.Mul64(pow.lo, digit)
		h += pow.hi * digit
		lo, c := bits.Add64(fraction.lo, l, 0)
		fraction.hi, fraction.lo = fraction.hi+h+c, lo
		h, l = bits.Mul64(pow.lo, 10)
		pow.hi, pow.lo = pow.hi*10+h, l
	}
	return whole, fraction
}

func cmp128(a, b Decimal) int {
	switch {
	case a.hi < b.hi || a.hi == b.hi && a.lo < b.lo:
		return -1
	case a.hi == b.hi && a.lo == b.lo:
		return 0
	}
	return 1
}

// Float returns the value nearest to d; 0 if it is not set. It is for distributions and charts:
// amounts that are compared or added stay decimals.
func (d Decimal) Float() float64 {
	if !d.set {
		return 0
	}
	f := (float64(d.hi)*(1<<64) + float64(d.lo)) / math.Pow10(int(d.scale))
	if d.neg {
		return -f
	}
	return f
}
