package respond

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// approvalText is what an approver signs: that he, by name, approves this intervention. Its id is a hash of what is done to
// whom and of the event that it was proposed for, so that the approval is good for nothing else.
func approvalText(id, name string) []byte {
	return fmt.Appendf(nil, "vedette respond approve %q by %q", id, name)
}

// SignApproval signs an approval for the person of that name.
func SignApproval(key ed25519.PrivateKey, id, name string) []byte {
	return ed25519.Sign(key, approvalText(id, name))
}

// Approvers are the people who may approve, by name, with their keys.
type Approvers map[string]ed25519.PublicKey

// ErrApproval says that an approval is none of a person who may give it.
var ErrApproval = errors.New("only approvers that the configuration names may approve")

// Verify returns who approves, or why that is nobody.
func (a Approvers) Verify(id, name string, signature []byte) (Person, error) {
	key, ok := a[name]
	switch {
	case !ok:
		return Person{}, fmt.Errorf("%w: %q is none of them", ErrApproval, name)
	case len(signature) == 0:
		return Person{}, fmt.Errorf("%w, with their keys: say -key", ErrApproval)
	case !ed25519.Verify(key, approvalText(id, name), signature):
		return Person{}, fmt.Errorf("%w: the signature is not that of %s's key", ErrApproval, name)
	}
	return Person{name, fmt.Sprintf("key of %s", name)}, nil
}
