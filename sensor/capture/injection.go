package capture

import (
	"errors"
	"fmt"

	"vedette"
	"vedette/internal/strictjson"
)

// injection reads what a call's parameters carried.
func (p *EventParser) injection(v strictjson.Value) (err error) {
	if v.Kind() != strictjson.Object {
		return errors.New("not an object")
	}
	in := &p.call.Injection
	for m := v.First(); m.Exists(); m = m.Next(v) {
		switch m.Name() {
		case "classes":
			err = each(m, func(e strictjson.Value) error {
				a, err := vedette.ParseAttack(e.Text())
				in.Classes |= a
				return err
			})
		case "score":
			err = setNumber(&in.Score, m.Kind(), m.Text())
		case "rules":
			n := 0
			err = each(m, func(e strictjson.Value) error {
				if n++; n > len(in.Rules) {
					return nil
				}
				return setNumber(&in.Rules[n-1], e.Kind(), e.Text())
			})
		case "where":
			err = setName(&in.Where, m.Text())
		case "unexamined":
			err = setName(&in.Unexamined, m.Text())
		case "parameter":
			in.Parameter = m.Text()
		case "sample":
			in.Sample = m.Text()
		default:
			if !p.Lenient {
				err = errMember
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name(), err)
		}
	}
	return nil
}
