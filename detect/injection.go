package detect

import "vedette"

// inject fills in what payloads the call carries.
func (e *Event) inject(in *vedette.Injection, arena *[]byte) {
	if in.Zero() {
		return
	}
	e.Attacks, e.AttackScore, e.AttackRule, e.Suspect = in.Classes, in.Score, in.Rules[0], in.Unexamined != vedette.Examined
	where := in.Where.String()
	if where == "" {
		where = "parameters"
	}
	if in.Parameter != "" {
		where += " parameter " + in.Parameter
	}
	e.note(arena, TextParameter, where)
}
