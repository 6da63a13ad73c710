package venue

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Hyperliquid signs the action in the body with a wallet; the signature names the
// wallet. L1 actions sign the hash of action (as MessagePack, members in wire
// order), nonce, vault and expiry through a typed "Agent". User-signed actions sign
// typed data of their own. An agent wallet that an account approved signs L1 actions
// for it: it is a credential of its own, of that account. Reading is open to
// everybody.
var Hyperliquid = &Dialect{
	Name:  "hyperliquid",
	Title: "Hyperliquid",
	Docs:  "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/signing",
	Hosts: []string{"api.hyperliquid.xyz", "api-ui.hyperliquid.xyz", "api.hyperliquid-testnet.xyz"},
	Schemes: []Scheme{{Name: "eip712", Algorithm: EIP712Recover, Signature: Raw, Covers: CoversBody | CoversTime | CoversNonce,
		Note: "Signed are action, nonce, vault and expiry, not the URL. A user-signed action signs neither vault nor expiry. The signatures within a multi-sig action are held to the account's signers and threshold in the keyring; whether the outer signer is one of them, or an agent of one, is left to the venue."}},
	Routes:    hyperRoutes,
	Claim:     hyperClaim,
	Message:   hyperMessage,
	Cosigned:  hyperCosigned,
	Meaning:   hyperMeaning,
	Answer:    hyperAnswer,
	Correlate: hyperCorrelate,
	Deny:      hyperDeny,
}

// hyperOrder is an order as in the list of an order action.
var hyperOrder = &Fields{
	Instrument: []string{"a"}, Price: []string{"p"}, Quantity: []string{"s"}, Stop: []string{"t.trigger.triggerPx"},
	TIF: []string{"t.limit.tif"}, ClientID: []string{"c"}, ReduceOnly: []string{"r"},
	Refine: func(v Values, a *vedette.Action) {
		a.Side = vedette.Sell
		if v.flag([]string{"b"}) {
			a.Side = vedette.Buy
		}
		a.Type = vedette.Limit
		switch trigger := v.member("t.trigger"); {
		case trigger.Exists() && trigger.Get("isMarket").Kind() == strictjson.True:
			a.Type = vedette.Stop
		case trigger.Exists():
			a.Type = vedette.StopLimit
		case strings.HasSuffix(v.Get("t.limit.tif"), "Market"): // FrontendMarket
			a.Type = vedette.Market
		}
	},
}

var (
	hyperModify = &Fields{Target: []string{"oid"}, Refine: func(v Values, a *vedette.Action) {
		hyperOrder.Fill(Values{JSON: v.member("order")}, a)
	}}
	hyperCancel = &Fields{Instrument: []string{"a", "asset"}, Target: []string{"o", "cloid", "t"}}
	hyperTWAP   = &Fields{Refine: func(v Values, a *vedette.Action) {
		hyperOrder.Fill(Values{JSON: v.member("twap")}, a)
		a.Type, a.ClientOrderID = vedette.Market, ""
	}}
	hyperMoney = &Fields{
		Quantity: []string{"amount", "usd", "wei", "ntli", "hypeBurned"}, Asset: []string{"token"}, Address: []string{"destination", "destinationRecipient"},
		Object: []string{"subAccountUser", "vaultAddress", "validator", "fromSubAccount"}, Instrument: []string{"asset"},
	}
	hyperAdmin = &Fields{Object: []string{"agentAddress", "builder", "user", "tradingUser", "vaultAddress", "name", "code"}, Instrument: []string{"asset"}}
)

var hyperRoutes = NewRoutes(
	[]Route{
		{Method: WS, Path: "order", Op: vedette.OpOrderNew, Batch: "orders", Part: vedette.OpOrderNew, Of: hyperOrder},
		{Method: WS, Path: "cancel", Op: vedette.OpOrderCancel, Batch: "cancels", Part: vedette.OpOrderCancel, Of: hyperCancel},
		{Method: WS, Path: "cancelByCloid", Op: vedette.OpOrderCancel, Batch: "cancels", Part: vedette.OpOrderCancel, Of: hyperCancel},
		{Method: WS, Path: "batchModify", Op: vedette.OpOrderAmend, Batch: "modifies", Part: vedette.OpOrderAmend, Of: hyperModify},
		{Method: WS, Path: "modify", Op: vedette.OpOrderAmend, Fields: hyperModify},
		{Method: WS, Path: "twapOrder", Op: vedette.OpOrderNew, Fields: hyperTWAP},
		{Method: WS, Path: "twapCancel", Op: vedette.OpOrderCancel, Fields: hyperCancel},
		{Method: WS, Path: "scheduleCancel", Op: vedette.OpOrderCancelAll},
		{Method: WS, Path: "approveAgent", Op: vedette.OpKeyCreate, Fields: hyperAdmin},
		{Method: WS, Path: "noop", Op: vedette.OpAccountRead},
		{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
		{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
		{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
		{Method: "GET", Path: "/ws", Op: vedette.OpMarketRead},
	},
	// What goes to another address leaves the account, on whichever chain.
	family(WS, "", vedette.OpWithdraw, hyperMoney, "withdraw3 usdSend spotSend sendAsset agentSendAsset sendToEvmWithData"),
	family(WS, "", vedette.OpTransfer, hyperMoney, `usdClassTransfer vaultTransfer subAccountTransfer subAccountSpotTransfer cDeposit cWithdraw
		tokenDelegate updateIsolatedMargin topUpIsolatedOnlyMargin vaultDistribute hip3LiquidatorTransfer reserveRequestWeight
		borrowLend claimRewards`),
	family(WS, "", opSetting, hyperAdmin, "updateLeverage agentEnableDexAbstraction agentSetAbstraction"),
	family(WS, "", vedette.OpAdmin, hyperAdmin, `approveBuilderFee convertToMultiSigUser createSubAccount subAccountModify setDisplayName
		setReferrer registerReferrer createVault vaultModify spotDeploy perpDeploy spotUser evmUserModify finalizeEvmContract
		linkStakingUser stakingLinkDisableTradingUser userDexAbstraction userSetAbstraction userPortfolioMargin
		cSignerAction cValidatorAction validatorL1Stream`),
)

// hyperPayload returns what a request asks for: an action with its signature, or a
// question to the info endpoint.
func hyperPayload(r *Request) (payload strictjson.Value, info bool) {
	if !r.IsJSON() {
		return strictjson.Value{}, false
	}
	body := r.JSON()
	if r.Kind != Message {
		return body, !body.Get("action").Exists()
	}
	request := body.Get("request")
	return request.Get("payload"), request.Get("type").Text() == "info"
}

func hyperMeaning(r *Request, c *vedette.Call) {
	c.Action, c.Batch = vedette.Action{}, c.Batch[:0]
	payload, info := hyperPayload(r)
	action := payload.Get("action")
	switch {
	case info && payload.Get("type").Exists():
		if r.Kind == Message {
			c.Method = payload.Get("type").Text()
		}
		c.Operation = vedette.OpMarketRead // open to everybody, accounts too
		set(&c.Instrument, Values{JSON: payload}.first([]string{"coin", "req.coin"}))
		set(&c.Object, payload.Get("user").Text())
	case action.Exists():
		inner := action
		if action.Get("type").Text() == "multiSig" {
			inner = action.Get("payload").Get("action")
		}
		hyperAction(r, inner, c)
		set(&c.Object, payload.Get("vaultAddress").Text())
	case r.Kind == Message:
		c.Method = r.JSON().Get("method").Text()
		hyperRoutes.MeanAs(hyperRoutes.Find(WS, c.Method), "", Values{}, c)
		s := r.JSON().Get("subscription")
		set(&c.Instrument, s.Get("coin").Text())
		set(&c.Object, s.Get("user").Text())
	default:
		hyperRoutes.MeanAs(hyperRoutes.Find(r.Method, r.Path), r.Path, Values{}, c)
	}
}

// hyperAction reads an action. A list of one is what most clients send for a
// single order: it is read as that order.
func hyperAction(r *Request, action strictjson.Value, c *vedette.Call) {
	kind := action.Get("type").Text()
	hyperRoutes.MeanAs(hyperRoutes.Find(WS, kind), kind, Values{JSON: action}, c)
	if r.Kind == Message {
		c.Method = kind
	}
	switch len(c.Batch) {
	case 0:
	case 1:
		c.Action, c.Batch = c.Batch[0], c.Batch[:0]
	default:
		c.Operation = vedette.OpOrderBatch
	}
}

// How an action is signed, in Claim.Int.
const (
	hyperL1 = iota
	hyperUser
	hyperMultiSig
)

func hyperClaim(r *Request, c *Claim) {
	payload, _ := hyperPayload(r)
	action, signature := payload.Get("action"), payload.Get("signature")
	if !action.Exists() && !signature.Exists() {
		return
	}
	c.Auth, c.Scheme = AuthRecover, "eip712"
	nonce := payload.Get("nonce")
	c.Nonce, c.NonceRule, c.NonceKeep = nonce.Raw(), NonceHighest, 100
	t, tick, ok := parseUnix(c.Nonce)
	// "Nonces must be within (T - 2 days, T + 1 day)" of the block's time.
	c.within(t, tick, ok && tick == time.Millisecond && nonce.Kind() == strictjson.Number, 48*time.Hour, 24*time.Hour)
	if c.SigBytes, ok = hyperSignature(c.SigBytes[:0], signature); !ok {
		c.Fault = vedette.BadEncoding
	}
	switch kind := action.Get("type").Text(); {
	case kind == "multiSig":
		c.Int = hyperMultiSig
		if !hyperJointClaim(action, c) {
			c.Fault = vedette.BadEncoding
		}
	case hyperUserTypes[kind] != nil:
		c.Int = hyperUser
		hyperBound(r, action, nonce, c)
		return
	}
	if e := payload.Get("expiresAfter"); e.Exists() && e.Kind() != strictjson.Null {
		ms, err := strconv.ParseInt(e.Raw(), 10, 64)
		if err != nil || ms < 0 {
			c.Fault = vedette.BadEncoding
			return
		}
		c.Expires = time.UnixMilli(ms)
	}
}

// hyperBound holds what a user-signed action signs against what the request says.
func hyperBound(r *Request, action, nonce strictjson.Value, c *Claim) {
	signed := action.Get("nonce")
	if !signed.Exists() {
		signed = action.Get("time")
	}
	chain := action.Get("hyperliquidChain").Text()
	if signed.Raw() != nonce.Raw() || chain != "Mainnet" && chain != "Testnet" ||
		chain == "Testnet" && hyperNetwork(r) == mainnet || chain == "Mainnet" && hyperNetwork(r) == testnet {
		c.Mismatch = vedette.BoundElsewhere
	}
	fields := hyperUserTypes[action.Get("type").Text()]
	for m := action.First(); m.Exists(); m = m.Next(action) {
		name := m.Name()
		if name != "type" && name != "signatureChainId" && !fields.has(name) {
			c.Fault = vedette.BadEncoding // what is not signed could say what is not meant
		}
	}
}

const (
	anyNetwork = iota
	mainnet
	testnet
)

// hyperNetwork tells the network by the host that the client addressed.
func hyperNetwork(r *Request) int {
	switch {
	case containsFold(r.Host, "hyperliquid-testnet"):
		return testnet
	case containsFold(r.Host, "hyperliquid.xyz"):
		return mainnet
	}
	return anyNetwork
}

// hyperSignature appends r‖s‖v. Clients may leave leading zeros out.
func hyperSignature(dst []byte, s strictjson.Value) ([]byte, bool) {
	for _, name := range []string{"r", "s"} {
		text, ok := strings.CutPrefix(s.Get(name).Text(), "0x")
		if !ok || text == "" || len(text) > 64 {
			return dst[:0], false
		}
		var w word
		if !w.setHex(text) {
			return dst[:0], false
		}
		dst = append(dst, w[:]...)
	}
	v, err := strconv.ParseUint(s.Get("v").Raw(), 10, 8)
	if err != nil {
		return dst[:0], false
	}
	return append(dst, byte(v)), true
}

// setHex sets the low digits of the word from hex of either case.
func (w *word) setHex(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i, at := len(s)-1, 63; i >= 0; i, at = i-1, at-1 {
		n := unhex(s[i])
		if n > 15 {
			return false
		}
		w[at/2] |= n << (4 * (1 - at%2))
	}
	return true
}

func hyperMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	payload, _ := hyperPayload(r)
	action := payload.Get("action")
	if c.Int == hyperUser {
		if form > 0 {
			return dst, false
		}
		return hyperAppendTyped(dst, hyperUserTypes[action.Get("type").Text()], action, c)
	}
	network, ok := hyperNetworkOf(r, form)
	if !ok {
		return dst, false
	}
	without := ""
	if c.Int == hyperMultiSig {
		without = "type"
	}
	at := len(dst)
	if dst, ok = appendMsgpack(dst, action, without); !ok {
		return dst[:at], false
	}
	if dst, ok = hyperAppendRest(dst, payload); !ok {
		return dst[:at], false
	}
	if c.Int == hyperMultiSig {
		var hash word
		appendKeccak(hash[:0], dst[at:])
		chain, ok := hyperChain(action)
		if !ok {
			return dst[:at], false
		}
		name := keccak([]string{mainnet: "Mainnet", testnet: "Testnet"}[network])
		n, err := strconv.ParseUint(c.Nonce, 10, 64)
		nonce := uintWord(n)
		encoded := append(append(append(append(dst[:at], hyperSendMultiSig[:]...), name[:]...), hash[:]...), nonce[:]...)
		domain := typedDomain("HyperliquidSignTransaction", "1", chain)
		return appendTyped(dst[:at], &domain, encoded[at:]), err == nil
	}
	return hyperAppendAgent(dst, at, network), true
}

// hyperNetworkOf returns the network of a form: where the host leaves it open, form 0 is
// the main network, form 1 the test network.
func hyperNetworkOf(r *Request, form int) (network int, ok bool) {
	if network = hyperNetwork(r); network == anyNetwork {
		network, form = mainnet+form, 0
	}
	return network, form == 0 && network <= testnet
}

// hyperAppendAgent replaces what stands from at on by the digest of the agent that signs
// for its hash.
func hyperAppendAgent(dst []byte, at, network int) []byte {
	var hash word
	appendKeccak(hash[:0], dst[at:])
	encoded := append(append(append(dst[:at], hyperAgent[:]...), hyperSource[network][:]...), hash[:]...)
	return appendTyped(dst[:at], &hyperExchange, encoded[at:])
}

var (
	hyperExchange     = typedDomain("Exchange", "1", 1337)
	hyperAgent        = keccak("Agent(string source,bytes32 connectionId)")
	hyperSource       = [...]word{mainnet: keccak("a"), testnet: keccak("b")}
	hyperSendMultiSig = keccak("HyperliquidTransaction:SendMultiSig(string hyperliquidChain,bytes32 multiSigActionHash,uint64 nonce)")
)

// hyperAppendRest appends what the hash of an L1 action is taken over, besides the action.
func hyperAppendRest(dst []byte, payload strictjson.Value) ([]byte, bool) {
	nonce, err := strconv.ParseUint(payload.Get("nonce").Raw(), 10, 64)
	if err != nil {
		return dst, false
	}
	dst = binary.BigEndian.AppendUint64(dst, nonce)
	if v := payload.Get("vaultAddress").Text(); v == "" {
		dst = append(dst, 0)
	} else {
		var w word
		v = strings.TrimPrefix(v, "0x")
		if len(v) != 40 || !w.setHex(v) {
			return dst, false
		}
		dst = append(append(dst, 1), w[12:]...)
	}
	if e := payload.Get("expiresAfter"); e.Exists() && e.Kind() != strictjson.Null {
		ms, err := strconv.ParseUint(e.Raw(), 10, 64)
		if err != nil {
			return dst, false
		}
		dst = binary.BigEndian.AppendUint64(append(dst, 0), ms)
	}
	return dst, true
}

// hyperChain returns the chain that the wallet signed for; any will do, the action
// names the network by itself.
func hyperChain(action strictjson.Value) (uint64, bool) {
	s, ok := strings.CutPrefix(action.Get("signatureChainId").Text(), "0x")
	n, err := strconv.ParseUint(s, 16, 64)
	return n, ok && err == nil
}

// typed is the type of a user-signed action.
type typed struct {
	primary string
	hash    word
	fields  [][2]string // type, name
}

func (t *typed) has(name string) bool {
	for _, f := range t.fields {
		if f[1] == name {
			return true
		}
	}
	return false
}

// newTyped builds a type from its members, "type name,type name".
func newTyped(primary, members string) *typed {
	var fields [][2]string
	for m := range strings.SplitSeq(members, ",") {
		kind, name, _ := strings.Cut(m, " ")
		fields = append(fields, [2]string{kind, name})
	}
	return typedOf(primary, fields)
}

func typedOf(primary string, fields [][2]string) *typed {
	members := make([]string, len(fields))
	for i, f := range fields {
		members[i] = f[0] + " " + f[1]
	}
	return &typed{primary, keccak("HyperliquidTransaction:" + primary + "(" + strings.Join(members, ",") + ")"), fields}
}

// hyperUserTypes are the user-signed actions by the type they have on the wire.
var hyperUserTypes = map[string]*typed{
	"usdSend":                       newTyped("UsdSend", "string hyperliquidChain,string destination,string amount,uint64 time"),
	"spotSend":                      newTyped("SpotSend", "string hyperliquidChain,string destination,string token,string amount,uint64 time"),
	"withdraw3":                     newTyped("Withdraw", "string hyperliquidChain,string destination,string amount,uint64 time"),
	"usdClassTransfer":              newTyped("UsdClassTransfer", "string hyperliquidChain,string amount,bool toPerp,uint64 nonce"),
	"sendAsset":                     newTyped("SendAsset", "string hyperliquidChain,string destination,string sourceDex,string destinationDex,string token,string amount,string fromSubAccount,uint64 nonce"),
	"sendToEvmWithData":             newTyped("SendToEvmWithData", "string hyperliquidChain,string token,string amount,string sourceDex,string destinationRecipient,string addressEncoding,uint32 destinationChainId,uint64 gasLimit,bytes data,uint64 nonce"),
	"approveAgent":                  newTyped("ApproveAgent", "string hyperliquidChain,address agentAddress,string agentName,uint64 nonce"),
	"approveBuilderFee":             newTyped("ApproveBuilderFee", "string hyperliquidChain,string maxFeeRate,address builder,uint64 nonce"),
	"cDeposit":                      newTyped("CDeposit", "string hyperliquidChain,uint64 wei,uint64 nonce"),
	"cWithdraw":                     newTyped("CWithdraw", "string hyperliquidChain,uint64 wei,uint64 nonce"),
	"tokenDelegate":                 newTyped("TokenDelegate", "string hyperliquidChain,address validator,uint64 wei,bool isUndelegate,uint64 nonce"),
	"convertToMultiSigUser":         newTyped("ConvertToMultiSigUser", "string hyperliquidChain,string signers,uint64 nonce"),
	"linkStakingUser":               newTyped("LinkStakingUser", "string hyperliquidChain,address user,bool isFinalize,uint64 nonce"),
	"stakingLinkDisableTradingUser": newTyped("StakingLinkDisableTradingUser", "string hyperliquidChain,address tradingUser,uint64 nonce"),
	"userDexAbstraction":            newTyped("UserDexAbstraction", "string hyperliquidChain,address user,bool enabled,uint64 nonce"),
	"userSetAbstraction":            newTyped("UserSetAbstraction", "string hyperliquidChain,address user,string abstraction,uint64 nonce"),
	"userPortfolioMargin":           newTyped("UserPortfolioMargin", "string hyperliquidChain,address user,bool enabled,uint64 nonce"),
}

// hyperAppendTyped appends the digest of a user-signed action.
func hyperAppendTyped(dst []byte, t *typed, action strictjson.Value, c *Claim) ([]byte, bool) {
	chain, ok := hyperChain(action)
	if !ok {
		return dst, false
	}
	var buf [13 * 32]byte
	encoded := append(buf[:0], t.hash[:]...)
	for _, f := range t.fields {
		member := action.Get(f[1])
		w, ok := typedWord(f[0], member)
		switch f[1] {
		case hyperJointUser:
			w, ok = addressWord(c.Joint)
		case hyperJointSigner:
			w, ok = addressWord(c.JointBy)
		}
		if none := member.Kind() <= strictjson.Null; !ok && !(none && f[1] == "agentName") { // an agent may go without a name
			return dst, false
		}
		encoded = append(encoded, w[:]...)
	}
	domain := typedDomain("HyperliquidSignTransaction", "1", chain)
	return appendTyped(dst, &domain, encoded), true
}

// typedWord encodes one member (EIP-712, "Definition of encodeData").
func typedWord(kind string, v strictjson.Value) (w word, ok bool) {
	switch kind {
	case "string":
		return keccak(v.Text()), v.Kind() == strictjson.String
	case "bool":
		if v.Kind() == strictjson.True {
			w[31] = 1
		}
		return w, v.Kind() == strictjson.True || v.Kind() == strictjson.False
	case "address":
		return addressWord(v.Text())
	case "bytes":
		s, ok := strings.CutPrefix(v.Text(), "0x")
		b := make([]byte, 0, len(s)/2)
		for i := 0; i+1 < len(s); i += 2 {
			high, low := unhex(s[i]), unhex(s[i+1])
			ok = ok && high < 16 && low < 16
			b = append(b, high<<4|low)
		}
		appendKeccak(w[:0], b)
		return w, ok && len(s)%2 == 0
	}
	n, err := strconv.ParseUint(v.Text(), 10, 64) // uint64 and uint32, as a number or in a string
	return uintWord(n), err == nil
}

func addressWord(text string) (w word, ok bool) {
	s, ok := strings.CutPrefix(text, "0x")
	return w, ok && len(s) == 40 && w.setHex(s)
}

func hyperAnswer(r, answer *Request, a *vedette.Answer, _ *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if answer.Kind == Reply {
		response := body.Get("data").Get("response")
		if response.Get("type").Text() == "error" || body.Get("channel").Text() == "error" {
			a.Outcome, a.Error = vedette.Rejected, hyperError(response.Get("payload").Text()+body.Get("data").Text())
			return
		}
		body = response.Get("payload")
	}
	response := body.Get("response")
	switch body.Get("status").Text() {
	case "err":
		a.Outcome, a.Error = vedette.Rejected, hyperError(response.Text())
		return
	case "ok":
		a.Outcome = vedette.Accepted
	default:
		return
	}
	data := response.Get("data")
	first := data.Get("statuses").First()
	if !first.Exists() {
		first = data.Get("status") // of a TWAP
	}
	switch {
	case first.Get("error").Exists():
		a.Outcome, a.Error = vedette.Rejected, hyperError(first.Get("error").Text())
	case first.Get("resting").Exists():
		a.OrderID = first.Get("resting").Get("oid").Text()
	case first.Get("filled").Exists():
		a.Outcome, a.OrderID = vedette.Filled, first.Get("filled").Get("oid").Text()
	case first.Get("running").Exists():
		a.OrderID = first.Get("running").Get("twapId").Text()
	case strings.HasPrefix(response.Get("type").Text(), "cancel"):
		a.Outcome = vedette.Cancelled
	}
}

// hyperError makes a code of an error: the venue has only sentences, with ids and
// figures in them. It returns the words before the first of those.
func hyperError(s string) string {
	if i := strings.IndexAny(s, ".:0123456789"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s[:min(len(s), 64)])
}

func hyperCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	body := r.JSON()
	if r.Kind == Reply {
		data := body.Get("data")
		switch body.Get("channel").Text() {
		case "post":
			return data.Get("id").Raw()
		case "subscriptionResponse":
			return data.Get("method").Raw() + data.Get("subscription").Get("type").Raw()
		case "pong":
			return "ping"
		}
		return ""
	}
	switch method := body.Get("method").Raw(); method {
	case "post":
		return body.Get("id").Raw()
	case "subscribe", "unsubscribe":
		return method + body.Get("subscription").Get("type").Raw()
	default:
		return method
	}
}

// The venue answers a refused action with 200, and the reason in words.
var hyperDenials = denials{
	otherGround:   {200, "", "This action is not permitted."},
	badSignature:  {200, "", "User or API Wallet does not exist."},
	badPassphrase: {200, "", "User or API Wallet does not exist."},
	badTime:       {200, "", "Invalid nonce: not within the accepted time."},
	usedBefore:    {200, "", "Invalid nonce: duplicate nonce."},
	unknownKey:    {200, "", "User or API Wallet does not exist."},
	badAddress:    {200, "", "This address is not permitted."},
	tooMany:       {429, "", "Too many requests."},
	notAvailable:  {503, "", "Service unavailable; the action was not executed."},
	unanswered:    {504, "", "No answer in time; execution status unknown."},
	unreadable:    {422, "", "Failed to deserialize the JSON body into the target type."},
}

func hyperDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := hyperDenials.of(d)
	switch {
	case r.Kind != Message && groundOf(d) == unanswered:
		return gatewayTimeout(dst)
	case r.Kind != Message:
		dst = append(append(dst, `{"status":"err","response":"`...), e.msg...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: append(dst, `"}`...)}
	}
	id := ""
	if r.IsJSON() {
		id = rawOr(r.JSON().Get("id"), "")
	}
	if id == "" {
		dst = append(append(dst, `{"channel":"error","data":"`...), e.msg...)
		return Refusal{Body: append(dst, `"}`...)}
	}
	dst = append(append(dst, `{"channel":"post","data":{"id":`...), id...)
	if r.JSON().Get("request").Get("type").Text() == "action" {
		dst = append(append(dst, `,"response":{"type":"action","payload":{"status":"err","response":"`...), e.msg...)
		return Refusal{Body: append(dst, `"}}}}`...)}
	}
	dst = append(append(dst, `,"response":{"type":"error","payload":"`...), e.msg...)
	return Refusal{Body: append(dst, `"}}}`...)}
}
