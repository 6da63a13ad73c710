package venue_test

import (
	"fmt"
	"testing"

	"vedette"
	"vedette/venue"
)

// testWallet is the address of the key 0x0123456789…0123 that the vectors of the
// venue's Python SDK (tests/signing_test.py, MIT licence) are signed with.
const testWallet = "0x14791697260e4c9a71f18484c9f997b308e59325"

func hyperRequest(host, body string) *venue.Request {
	return &venue.Request{Method: "POST", Scheme: "https", Host: host, Path: "/exchange", Body: []byte(body)}
}

func hyperWallet(t *testing.T, r *venue.Request) (claim venue.Claim, wallet string) {
	t.Helper()
	venue.Hyperliquid.Claim(r, &claim)
	for form := 0; ; form++ {
		digest, ok := venue.Hyperliquid.Message(r, &claim, form, nil)
		if !ok {
			return claim, ""
		}
		if wallet = recoverAddress(digest, claim.SigBytes); wallet == testWallet {
			return claim, wallet
		}
	}
}

const mainnet, testnet = "api.hyperliquid.xyz", "api.hyperliquid-testnet.xyz"

func TestHyperliquidVectors(t *testing.T) {
	const order = `{"type":"order","orders":[{"a":1,"b":true,"p":"100","s":"100","r":false,"t":{"limit":{"tif":"Gtc"}}%s}],"grouping":"na"}`
	for name, v := range map[string]struct{ host, rest, r, s, v string }{
		"dummy mainnet": {mainnet, `"action":{"type":"dummy","num":100000000000},"nonce":0`,
			"0x53749d5b30552aeb2fca34b530185976545bb22d0b3ce6f62e31be961a59298", "0x755c40ba9bf05223521753995abb2f73ab3229be8ec921f350cb447e384d8ed8", "27"},
		"dummy testnet": {testnet, `"action":{"type":"dummy","num":100000000000},"nonce":0`,
			"0x542af61ef1f429707e3c76c5293c80d01f74ef853e34b76efffcb57e574f9510", "0x17b8b32f086e8cdede991f1e2c529f5dd5297cbe8128500e00cbaf766204a613", "28"},
		"order mainnet": {mainnet, `"action":` + fmt.Sprintf(order, "") + `,"nonce":0`,
			"0xd65369825a9df5d80099e513cce430311d7d26ddf477f5b3a33d2806b100d78e", "0x2b54116ff64054968aa237c20ca9ff68000f977c93289157748a3162b6ea940e", "28"},
		"order testnet": {testnet, `"action":` + fmt.Sprintf(order, "") + `,"nonce":0`,
			"0x82b2ba28e76b3d761093aaded1b1cdad4960b3af30212b343fb2e6cdfa4e3d54", "0x6b53878fc99d26047f4d7e8c90eb98955a109f44209163f52d8dc4278cbbd9f5", "27"},
		"cloid mainnet": {mainnet, `"action":` + fmt.Sprintf(order, `,"c":"0x00000000000000000000000000000001"`) + `,"nonce":0`,
			"0x41ae18e8239a56cacbc5dad94d45d0b747e5da11ad564077fcac71277a946e3", "0x3c61f667e747404fe7eea8f90ab0e76cc12ce60270438b2058324681a00116da", "27"},
		"vault mainnet": {mainnet, `"action":{"type":"dummy","num":100000000000},"nonce":0,"vaultAddress":"0x1719884eb866cb12b2287399b15f7db5e7d775ea"`,
			"0x3c548db75e479f8012acf3000ca3a6b05606bc2ec0c29c50c515066a326239", "0x4d402be7396ce74fbba3795769cda45aec00dc3125a984f2a9f23177b190da2c", "28"},
		"vault testnet": {testnet, `"action":{"type":"dummy","num":100000000000},"nonce":0,"vaultAddress":"0x1719884eb866cb12b2287399b15f7db5e7d775ea"`,
			"0xe281d2fb5c6e25ca01601f878e4d69c965bb598b88fac58e475dd1f5e56c362b", "0x7ddad27e9a238d045c035bc606349d075d5c5cd00a6cd1da23ab5c39d4ef0f60", "27"},
		"stop mainnet": {mainnet, `"action":{"type":"order","orders":[{"a":1,"b":true,"p":"100","s":"100","r":false,"t":{"trigger":{"isMarket":true,"triggerPx":"103","tpsl":"sl"}}}],"grouping":"na"},"nonce":0`,
			"0x98343f2b5ae8e26bb2587daad3863bc70d8792b09af1841b6fdd530a2065a3f9", "0x6b5bb6bb0633b710aa22b721dd9dee6d083646a5f8e581a20b545be6c1feb405", "27"},
		"sub-account mainnet": {mainnet, `"action":{"type":"createSubAccount","name":"example"},"nonce":0`,
			"0x51096fe3239421d16b671e192f574ae24ae14329099b6db28e479b86cdd6caa7", "0xb71f7d293af92d3772572afb8b102d167a7cef7473388286bc01f52a5c5b423", "27"},
		"sub-account transfer": {mainnet, `"action":{"type":"subAccountTransfer","subAccountUser":"0x1d9470d4b963f552e6f671a81619d395877bf409","isDeposit":true,"usd":10},"nonce":0`,
			"0x43592d7c6c7d816ece2e206f174be61249d651944932b13343f4d13f306ae602", "0x71a926cb5c9a7c01c3359ec4c4c34c16ff8107d610994d4de0e6430e5cc0f4c9", "28"},
		"schedule": {mainnet, `"action":{"type":"scheduleCancel"},"nonce":0`,
			"0x6cdfb286702f5917e76cd9b3b8bf678fcc49aec194c02a73e6d4f16891195df9", "0x6557ac307fa05d25b8d61f21fb8a938e703b3d9bf575f6717ba21ec61261b2a0", "27"},
		"schedule at": {testnet, `"action":{"type":"scheduleCancel","time":123456789},"nonce":0`,
			"0x4e4f2dbd4107c69783e251b7e1057d9f2b9d11cee213441ccfa2be63516dc5bc", "0x706c656b23428c8ba356d68db207e11139ede1670481a9e01ae2dfcdb0e1a678", "27"},
		"usdSend": {testnet, `"action":{"type":"usdSend","signatureChainId":"0x66eee","hyperliquidChain":"Testnet","destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","amount":"1","time":1687816341423},"nonce":1687816341423`,
			"0x637b37dd731507cdd24f46532ca8ba6eec616952c56218baeff04144e4a77073", "0x11a6a24900e6e314136d2592e2f8d502cd89b7c15b198e1bee043c9589f9fad7", "27"},
		"withdraw3": {testnet, `"action":{"type":"withdraw3","signatureChainId":"0x66eee","hyperliquidChain":"Testnet","destination":"0x5e9ee1089755c3435139848e47e6635505d5a13a","amount":"1","time":1687816341423},"nonce":1687816341423`,
			"0x8363524c799e90ce9bc41022f7c39b4e9bdba786e5f9c72b20e43e1462c37cf9", "0x58b1411a775938b83e29182e8ef74975f9054c8e97ebf5ec2dc8d51bfc893881", "28"},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{` + v.rest + `,"signature":{"r":"` + v.r + `","s":"` + v.s + `","v":` + v.v + `}}`
			if _, wallet := hyperWallet(t, hyperRequest(v.host, body)); wallet != testWallet {
				t.Errorf("recovers to %s", wallet)
			}
			if _, wallet := hyperWallet(t, hyperRequest("localhost", body)); wallet != testWallet {
				t.Errorf("through a host of another name recovers to %s", wallet)
			}
			other := map[string]string{mainnet: testnet, testnet: mainnet}[v.host]
			if claim, wallet := hyperWallet(t, hyperRequest(other, body)); wallet == testWallet && claim.Mismatch == "" {
				t.Error("is good for the other network too")
			}
		})
	}
}

func TestHyperliquidClaim(t *testing.T) {
	const sig = `"signature":{"r":"0x1","s":"0x2","v":27}`
	const user = `"action":{"type":"usdSend","signatureChainId":"0x1","hyperliquidChain":"Mainnet","destination":"0x1","amount":"1","time":1795340740149%s},` + sig
	claimIs(t, venue.Hyperliquid, `POST /exchange {"action":{"type":"noop"},"nonce":1795340740149,`+sig+`}`, "",
		"recover scheme=eip712 nonce=1795340740149 window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `POST /exchange {"action":{"type":"noop"},"nonce":1795340740149,"expiresAfter":1795340750000,`+sig+`}`, "",
		"recover scheme=eip712 nonce=1795340740149 window=48h0m0s+24h0m0s expires=1795340750")
	claimIs(t, venue.Hyperliquid, `POST /exchange {"action":{"type":"noop"},"nonce":1795340740149}`, "",
		"recover scheme=eip712 nonce=1795340740149 fault=bad_encoding window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `POST /exchange {"action":{"type":"noop"},"nonce":"x",`+sig+`}`, "", "recover scheme=eip712 nonce=x fault=bad_encoding")
	claimIs(t, venue.Hyperliquid, `POST /exchange {`+fmt.Sprintf(user, "")+`,"nonce":1795340740149}`, "",
		"recover scheme=eip712 nonce=1795340740149 window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `POST /exchange {`+fmt.Sprintf(user, "")+`,"nonce":1795340740150}`, "",
		"recover scheme=eip712 nonce=1795340740150 mismatch=bound_elsewhere window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `POST /exchange {`+fmt.Sprintf(user, `,"token":"X"`)+`,"nonce":1795340740149}`, "",
		"recover scheme=eip712 nonce=1795340740149 fault=bad_encoding window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `POST /info {"type":"meta"}`, "", "none")
	claimIs(t, venue.Hyperliquid, `WS {"method":"post","id":1,"request":{"type":"action","payload":{"action":{"type":"noop"},"nonce":1795340740149,`+sig+`}}}`, "",
		"recover scheme=eip712 nonce=1795340740149 window=48h0m0s+24h0m0s")
	claimIs(t, venue.Hyperliquid, `WS {"method":"ping"}`, "", "none")
}

func TestHyperliquidMeaning(t *testing.T) {
	act := func(action string) string { return `POST /exchange {"action":` + action + `,"nonce":1,"signature":{}}` }
	meaningIs(t, venue.Hyperliquid, []row{
		{act(`{"type":"order","orders":[{"a":0,"b":true,"p":"20000","s":"0.01","r":false,"t":{"limit":{"tif":"Gtc"}},"c":"0x01"}],"grouping":"na"}`),
			`order.new 0 buy limit 0.01 @20000 gtc cl=0x01`},
		{act(`{"type":"order","orders":[{"a":4,"b":false,"p":"1","s":"2","r":true,"t":{"limit":{"tif":"Alo"}}}],"grouping":"na"}`), `order.new 4 sell limit 2 @1 gtc post reduce`},
		{act(`{"type":"order","orders":[{"a":4,"b":false,"p":"1","s":"2","r":true,"t":{"trigger":{"isMarket":true,"triggerPx":"3","tpsl":"sl"}}}],"grouping":"na"}`),
			`order.new 4 sell stop 2 @1 stop=3 reduce`},
		{act(`{"type":"order","orders":[{"a":1,"b":true,"p":"1","s":"2","t":{"limit":{"tif":"Ioc"}}},{"a":2,"b":false,"p":"3","s":"4","t":{"limit":{"tif":"Gtc"}}}]}`),
			`order.batch | order.new 1 buy limit 2 @1 ioc | order.new 2 sell limit 4 @3 gtc`},
		{act(`{"type":"cancel","cancels":[{"a":0,"o":123}]}`), `order.cancel 0 id=123`},
		{act(`{"type":"cancelByCloid","cancels":[{"asset":0,"cloid":"0x1"},{"asset":1,"cloid":"0x2"}]}`), `order.batch | order.cancel 0 id=0x1 | order.cancel 1 id=0x2`},
		{act(`{"type":"modify","oid":5,"order":{"a":0,"b":true,"p":"1","s":"2","r":false,"t":{"limit":{"tif":"Gtc"}}}}`), `order.amend 0 buy limit 2 @1 gtc id=5`},
		{act(`{"type":"batchModify","modifies":[{"oid":5,"order":{"a":0,"b":true,"p":"1","s":"2","r":false,"t":{"limit":{"tif":"Gtc"}}}}]}`), `order.amend 0 buy limit 2 @1 gtc id=5`},
		{act(`{"type":"scheduleCancel","time":1}`), `order.cancel_all`},
		{act(`{"type":"twapOrder","twap":{"a":0,"b":true,"s":"2","r":false,"m":5,"t":false}}`), `order.new 0 buy market 2`},
		{act(`{"type":"twapCancel","a":0,"t":9}`), `order.cancel 0 id=9`},
		{act(`{"type":"withdraw3","destination":"0xab","amount":"5","time":1}`), `withdraw 5 to=0xab`},
		{act(`{"type":"spotSend","destination":"0xab","token":"PURR:0xc","amount":"5","time":1}`), `withdraw 5 asset=PURR:0xc to=0xab`},
		{act(`{"type":"usdClassTransfer","amount":"1","toPerp":true,"nonce":1}`), `transfer 1`},
		{act(`{"type":"vaultTransfer","vaultAddress":"0xv","isDeposit":true,"usd":10}`), `transfer 10 obj=0xv`},
		{act(`{"type":"approveAgent","agentAddress":"0xa","agentName":"n","nonce":1}`), `key.create obj=0xa`},
		{act(`{"type":"updateLeverage","asset":0,"isCross":true,"leverage":5}`), `setting.change 0`},
		{act(`{"type":"multiSig","payload":{"multiSigUser":"0x1","outerSigner":"0x2","action":{"type":"scheduleCancel"}}}`), `order.cancel_all`},
		{act(`{"type":"brandNew"}`), `unknown`},
		{`POST /exchange {"action":{"type":"scheduleCancel"},"nonce":1,"vaultAddress":"0xv","signature":{}}`, `order.cancel_all obj=0xv`},
		{`POST /info {"type":"clearinghouseState","user":"0xu"}`, `market.read obj=0xu`},
		{`POST /info {"type":"l2Book","coin":"ETH"}`, `market.read ETH`},
		{`WS {"method":"post","id":1,"request":{"type":"action","payload":{"action":{"type":"cancel","cancels":[{"a":0,"o":1}]},"nonce":1,"signature":{}}}}`, `order.cancel 0 id=1`},
		{`WS {"method":"post","id":1,"request":{"type":"info","payload":{"type":"l2Book","coin":"ETH"}}}`, `market.read ETH`},
		{`WS {"method":"subscribe","subscription":{"type":"userFills","user":"0xu"}}`, `market.read obj=0xu`},
		{`WS {"method":"ping"}`, `market.read`},
	})
}

func TestHyperliquidAnswer(t *testing.T) {
	const order = `POST /exchange {}` + "\n"
	const message = `WS {"method":"post","id":1}` + "\n"
	answerIs(t, venue.Hyperliquid, []row{
		{order + `200 {"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":77}}]}}}`, `200 accepted order=77`},
		{order + `200 {"status":"ok","response":{"type":"order","data":{"statuses":[{"filled":{"totalSz":"1","avgPx":"2","oid":78}}]}}}`, `200 filled order=78`},
		{order + `200 {"status":"ok","response":{"type":"order","data":{"statuses":[{"error":"Order must have minimum value of $10."}]}}}`, `200 rejected error=Order must have minimum value of $`},
		{order + `200 {"status":"ok","response":{"type":"cancel","data":{"statuses":["success"]}}}`, `200 cancelled`},
		{order + `200 {"status":"ok","response":{"type":"default"}}`, `200 accepted`},
		{order + `200 {"status":"err","response":"User or API Wallet 0x12 does not exist."}`, `200 rejected error=User or API Wallet`},
		{message + `WS {"channel":"post","data":{"id":1,"response":{"type":"action","payload":{"status":"ok","response":{"type":"order","data":{"statuses":[{"resting":{"oid":7}}]}}}}}}`, `0 accepted order=7`},
		{message + `WS {"channel":"post","data":{"id":1,"response":{"type":"error","payload":"429 Too Many Requests"}}}`, `0 rejected`},
	})
}

func TestHyperliquidDeny(t *testing.T) {
	denyIs(t, venue.Hyperliquid, `POST /exchange {}`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"status":"err","response":"User or API Wallet does not exist."}`,
		vedette.NonceReused:  `200 {"status":"err","response":"Invalid nonce: duplicate nonce."}`,
	})
	denyIs(t, venue.Hyperliquid, `WS {"method":"post","id":9,"request":{"type":"action","payload":{}}}`, map[vedette.Reason]string{
		vedette.BadSignature: `0 {"channel":"post","data":{"id":9,"response":{"type":"action","payload":{"status":"err","response":"User or API Wallet does not exist."}}}}`,
	})
	denials(t, venue.Hyperliquid, `WS {"method":"post","id":9,"request":{"type":"info"}}`)
	denials(t, venue.Hyperliquid, `WS nonsense`)
	tied(t, venue.Hyperliquid, `{"method":"post","id":9}`, `{"channel":"post","data":{"id":9,"response":{}}}`)
	tied(t, venue.Hyperliquid, `{"method":"ping"}`, `{"channel":"pong"}`)
	tied(t, venue.Hyperliquid, `{"method":"subscribe","subscription":{"type":"l2Book","coin":"E"}}`,
		`{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"l2Book","coin":"E","nSigFigs":null}}}`)
}
