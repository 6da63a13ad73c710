package keyring

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
)

// value is a scalar, or a list of scalars, of a keys file.
type value struct {
	words []string
	list  bool
	bad   string // why it is neither, "" if it is one
}

var errEmpty = errors.New("is empty")

func (v value) one() (string, error) {
	switch {
	case v.bad != "":
		return "", errors.New(v.bad)
	case v.list:
		return "", errors.New("is a list: want one value")
	case v.words[0] == "":
		return "", errEmpty
	}
	return v.words[0], nil
}

func (v value) many() ([]string, error) {
	switch {
	case v.bad != "":
		return nil, errors.New(v.bad)
	case !v.list:
		return nil, errors.New("is one value: want a list such as [a, b]")
	case len(v.words) > maxListItems:
		return nil, fmt.Errorf("has %d items, over %d", len(v.words), maxListItems)
	case slices.Contains(v.words, ""):
		return nil, errors.New("has an empty item")
	}
	return v.words, nil
}

func text(field func(*Spec) *string) func(*batch, *Spec, value) error {
	return func(b *batch, s *Spec, v value) (err error) {
		if *field(s) != "" {
			return errors.New("is given twice, in the file or elsewhere")
		}
		*field(s), err = v.one()
		*field(s) = b.intern(*field(s))
		return err
	}
}

func texts(field func(*Spec) *[]string) func(*batch, *Spec, value) error {
	return func(_ *batch, s *Spec, v value) (err error) {
		if *field(s), err = v.many(); err == nil && len(*field(s)) == 0 {
			return errNothing
		}
		return err
	}
}

func truth(field func(*Spec) *bool) func(*batch, *Spec, value) error {
	return func(_ *batch, s *Spec, v value) error {
		word, err := v.one()
		if err != nil {
			return err
		}
		if word != "true" && word != "false" {
			return fmt.Errorf("%q is neither true nor false", clip(word))
		}
		*field(s) = word == "true"
		return nil
	}
}

func instant(field func(*Spec) *time.Time) func(*batch, *Spec, value) error {
	return func(_ *batch, s *Spec, v value) error {
		word, err := v.one()
		if err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339, word)
		if err != nil {
			return fmt.Errorf("%q is not a time such as 2026-01-05T00:00:00Z (RFC 3339)", clip(word))
		}
		*field(s) = t.UTC()
		return nil
	}
}

func setNonceWindow(_ *batch, s *Spec, v value) error {
	word, err := v.one()
	if err != nil {
		return err
	}
	if s.NonceWindow, err = strconv.ParseUint(word, 10, 64); err != nil {
		return fmt.Errorf("%q is not a whole number from 0 on", clip(word))
	}
	return nil
}

// setSigners reads the wallets of a joint account, in lower case.
func setSigners(_ *batch, s *Spec, v value) error {
	words, err := v.many()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("is an empty list: name the wallets that may sign, or leave it out")
	}
	for _, w := range words {
		s.Signers = append(s.Signers, strings.ToLower(w))
	}
	return nil
}

func setThreshold(_ *batch, s *Spec, v value) error {
	word, err := v.one()
	if err != nil {
		return err
	}
	if s.Threshold, err = strconv.Atoi(word); err != nil {
		return fmt.Errorf("%q is not a whole number", clip(word))
	}
	return nil
}

// setPermissions reads the names of the permissions. An empty list would read as
// "allow nothing" and is none: left out, permissions are not held to.
func setPermissions(_ *batch, s *Spec, v value) error {
	words, err := v.many()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errNothing
	}
	for _, w := range words {
		i := slices.Index(vedette.PermissionNames, w)
		if i < 0 {
			return fmt.Errorf("unknown permission %q%s", clip(w), suggest(w, vedette.PermissionNames))
		}
		s.Permissions |= 1 << i
	}
	return nil
}

func setOperations(_ *batch, s *Spec, v value) error {
	words, err := v.many()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errNothing
	}
	for _, w := range words {
		var op vedette.Operation
		if op.UnmarshalText([]byte(w)) != nil {
			return fmt.Errorf("unknown operation %q%s", clip(w), suggest(w, operationNames()))
		}
		s.Operations = append(s.Operations, op)
	}
	return nil
}

// errNothing refuses an empty allowlist: to the reader it allows nothing, to the
// monitor everything.
var errNothing = errors.New("is an empty list, which would allow everything: leave it out")

func setPrefixes(_ *batch, s *Spec, v value) error {
	words, err := v.many()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errNothing
	}
	for _, w := range words {
		p, err := parsePrefix(w)
		if err != nil {
			return err
		}
		s.IPAllow = append(s.IPAllow, p)
	}
	return nil
}

// parsePrefix reads an address or CIDR. Host bits that are set are refused: they
// are most often a wrong length.
func parsePrefix(w string) (netip.Prefix, error) {
	if !strings.Contains(w, "/") {
		a, err := netip.ParseAddr(w)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is not an address or range such as 192.0.2.0/24", clip(w))
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(w)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is not an address or range such as 192.0.2.0/24", clip(w))
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%q is IPv4 written as IPv6: write it as IPv4", clip(w))
	case p.Masked() != p:
		return p, fmt.Errorf("%q has bits outside its range: want %s", clip(w), p.Masked())
	}
	return p, nil
}

func fieldNames() []string { return slices.Sorted(maps.Keys(fields)) }

func operationNames() []string {
	names := make([]string, vedette.Operations)
	for i := range names {
		names[i] = vedette.Operation(i).String()
	}
	return names
}
