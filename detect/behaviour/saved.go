package behaviour

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"vedette/detect"
)

// Saved is what was learned of one subject, to be kept elsewhere: in words, and whole.
type Saved struct {
	Venue   string  `json:"venue"`
	Name    string  `json:"name"`
	Account bool    `json:"account"` // Name is an account, not a credential
	Profile Profile `json:"profile"` // for reading; State is what counts
	Version int     `json:"version"` // of the form of State
	State   []byte  `json:"state"`   // base64
	// Mark is a keyed hash of Version and State. A state holds hashes under the key of its installation, and is read
	// without further checks: none but what this installation has saved is taken back.
	Mark uint64 `json:"mark"`
}

// stateVersion is that of the form of a saved state, and of a snapshot's.
const stateVersion = 2

// ErrForeign says that a saved state was damaged, or is of another installation or version.
var ErrForeign = errors.New("it is damaged, or was saved by another installation or version")

func (v *Saved) kind() detect.Kind {
	if v.Account {
		return detect.ByAccount
	}
	return detect.ByCredential
}

func (v *Saved) mark(e *detect.Engine) uint64 {
	return e.Mark(append(binary.AppendVarint([]byte("behaviour "), int64(v.Version)), v.State...))
}

// Save fills in what was learned of the subject named, and reports whether it is known.
func (v *Saved) Save(e *detect.Engine) bool {
	s, ok := Export(e, v.kind(), v.Venue, v.Name)
	if !ok || s.now.start == 0 {
		return false
	}
	v.Profile, v.Version = s.Profile(), stateVersion
	v.State = append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s))...)
	v.Mark = v.mark(e)
	return true
}

// Load puts it in the place of what is known of the subject. The name may be another than that it was saved under, such
// as that of a key that replaces an old one.
func (v *Saved) Load(e *detect.Engine) error {
	var s State
	if v.Version != stateVersion || len(v.State) != int(unsafe.Sizeof(s)) || v.Mark != v.mark(e) {
		return ErrForeign
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s)), v.State)
	if !detect.Put(e, machine, v.kind(), v.Venue, v.Name, s.young, s.grown) {
		return errors.New("no detector of behaviour runs")
	}
	return nil
}
