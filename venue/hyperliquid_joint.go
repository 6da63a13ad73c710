package venue

import (
	"slices"
	"strings"

	"vedette/internal/strictjson"
)

// An action for an account of several wallets ("multiSig") carries the signature of each
// of them over the inner action, the account and the outer signer, who alone signs the
// whole.

// hyperJointClaim reads what a multi-sig action says of its signers.
func hyperJointClaim(action strictjson.Value, c *Claim) bool {
	p := action.Get("payload")
	c.Joint, c.Cosigners = strings.ToLower(p.Get("multiSigUser").Text()), action.Get("signatures").Len()
	c.JointBy = strings.ToLower(p.Get("outerSigner").Text())
	return c.Joint != "" && c.JointBy != "" && p.Get("action").Kind() == strictjson.Object && action.Get("signatures").Kind() == strictjson.Array
}

// hyperCosigned implements Dialect.Cosigned.
func hyperCosigned(r *Request, c *Claim, form, n int, dst []byte) (digest, sig []byte, ok bool) {
	payload, _ := hyperPayload(r)
	action := payload.Get("action")
	list := action.Get("signatures")
	one := list.First()
	for ; n > 0 && one.Exists(); n-- {
		one = one.Next(list)
	}
	if sig, ok = hyperSignature(nil, one); !ok {
		return nil, nil, false
	}
	inner := action.Get("payload").Get("action")
	if t := hyperUserTypes[inner.Get("type").Text()]; t != nil {
		digest, ok = hyperAppendTyped(dst, t.joint(), inner, c)
		return digest, sig, ok
	}
	network, ok := hyperNetworkOf(r, form)
	if !ok {
		return nil, nil, false
	}
	at := len(dst)
	dst = append(dst, 0x93) // MessagePack: a list of three
	for _, s := range [2]string{c.Joint, c.JointBy} {
		dst = append(appendMsgpackSize(dst, len(s), 0xa0, 31, 0xd9, 0xda, 0xdb), s...)
	}
	if dst, ok = appendMsgpack(dst, inner, ""); !ok {
		return nil, nil, false
	}
	if dst, ok = hyperAppendRest(dst, payload); !ok {
		return nil, nil, false
	}
	return hyperAppendAgent(dst, at, network), sig, true
}

// joint is the type as the wallets of a joint account sign it: with the account and the
// outer signer after the chain.
func (t *typed) joint() *typed {
	members := slices.Insert(slices.Clone(t.fields), 1, [2]string{"address", hyperJointUser}, [2]string{"address", hyperJointSigner})
	return typedOf(t.primary, members)
}

// The members that joint adds.
const (
	hyperJointUser   = "payloadMultiSigUser"
	hyperJointSigner = "outerSigner"
)
