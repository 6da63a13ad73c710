package traffic

import "math"

const (
	second = int64(1e9)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour

	slot     = 15 * minute // rates are constant for as long
	slots    = 4 * 24 * 7  // of a week
	shockX   = 10          // what a market shock does to the rate of orders
	openX    = 3           // what the open and the close of the day do to firms
	openSlot = 4 * 8       // 08:00 UTC
	endSlot  = 4*16 + 2    // 16:30 UTC
)

// rhythm is how the rate of somebody goes over the week.
type rhythm uint8

const (
	steady  rhythm = iota // programs that never sleep
	market                // programs that follow the market: more in the afternoon, less at weekends
	office                // working hours
	leisure               // people at home: evenings, weekends
	session               // firms that trade from open to close
	rhythmCount
)

// rhythms holds the factors by rhythm and slot of the week, 1 on average, and the shocks.
type rhythms struct {
	factor [rhythmCount][slots]float64
	shocks []shock
}

type shock struct{ from, to int64 }

func newRhythms() (r rhythms) {
	for k := range rhythmCount {
		sum := 0.0
		for i := range slots {
			r.factor[k][i] = shape(k, i/(4*24), i%(4*24))
			sum += r.factor[k][i]
		}
		for i := range slots {
			r.factor[k][i] *= slots / sum
		}
	}
	return r
}

// shape is the rate on a day of the week, 0 for Monday, at a slot of the day.
func shape(k rhythm, weekday, slot int) float64 {
	h, weekend := float64(slot)/4, weekday >= 5
	wave := 1 + 0.4*math.Sin((h-9)/24*2*math.Pi)
	switch k {
	case market:
		if weekend {
			return 0.6 * wave
		}
		return wave
	case office:
		if weekend || h < 7 || h >= 19 {
			return 0.03
		}
		return 1
	case leisure:
		evening := 0.2 + math.Exp(-(h-20)*(h-20)/8) + 0.4*math.Exp(-(h-12.5)*(h-12.5)/6)
		if weekend {
			return 1.3 * evening
		}
		return evening
	case session:
		switch {
		case weekend || slot < openSlot || slot > endSlot:
			return 0.02
		case slot == openSlot || slot == endSlot:
			return openX
		}
		return 1
	}
	return 1
}

// after returns the time at which somebody has waited long enough: wait is in ns at the average rate.
func (r *rhythms) after(at int64, wait float64, k rhythm, zone int64, trades bool) int64 {
	for {
		local := at + zone
		end := at + slot - local%slot
		f := r.factor[k][(local-monday)/slot%slots]
		if trades {
			for _, s := range r.shocks {
				switch {
				case at >= s.from && at < s.to:
					f, end = f*shockX, min(end, s.to)
				case at < s.from:
					end = min(end, s.from)
				}
			}
		}
		if span := float64(end-at) * f; wait > span {
			wait -= span
			at = end
			continue
		}
		return at + int64(wait/f)
	}
}

// monday is the first midnight of a Monday after 1970, Unix ns.
const monday = 4 * day
