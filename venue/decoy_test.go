package venue_test

import (
	"slices"
	"testing"

	"vedette"
	"vedette/venue"
)

// TestDecoys: a call that names what is allowed beside what the venue goes by is
// ambiguous, or is read as the venue reads it.
func TestDecoys(t *testing.T) {
	f := func(d *venue.Dialect, in, want string) {
		t.Helper()
		var c vedette.Call
		d.Meaning(parseRequest(in), &c)
		got := c.Instrument
		if c.Operation == vedette.OpWithdraw {
			got = c.Address
		}
		if c.Ambiguous || slices.ContainsFunc(c.Batch, func(a vedette.Action) bool { return a.Ambiguous }) {
			got = "ambiguous"
		}
		if got != want {
			t.Errorf("%s %s\n got %s\nwant %s", d.Name, in, got, want)
		}
	}
	// Destinations.
	f(venue.KuCoin, `POST /api/v1/withdrawals {"currency":"BTC","address":"EVIL","toAddress":"GOOD"}`, "ambiguous")
	f(venue.KuCoin, `POST /api/v1/withdrawals?toAddress=GOOD {"currency":"BTC","address":"EVIL"}`, "ambiguous")
	f(venue.KuCoin, `POST /api/v3/withdrawals {"currency":"BTC","toAddress":"GOOD","address":"GOOD"}`, "GOOD")
	f(venue.KuCoin, `POST /api/v3/withdrawals {"currency":"BTC","toAddress":"GOOD","address":""}`, "GOOD")
	f(venue.KuCoin, `POST /api/v3/withdrawals {"currency":"BTC","toAddress":{"a":"EVIL"},"address":"GOOD"}`, "ambiguous")
	f(venue.OKX, `POST /api/v5/asset/withdrawal-lightning {"ccy":"BTC","invoice":"EVIL","toAddr":"GOOD"}`, "EVIL")
	f(venue.OKX, `POST /api/v5/asset/withdrawal {"ccy":"BTC","invoice":"GOOD","toAddr":"EVIL"}`, "EVIL")
	f(venue.OKX, `POST /api/v5/fiat/create-withdrawal {"paymentAcctId":"EVIL","toAddr":"GOOD"}`, "EVIL")
	f(venue.Gate, `POST /api/v4/withdrawals/push {"currency":"BTC","receive_uid":666,"address":"GOOD"}`, "666")
	f(venue.Gate, `POST /api/v4/withdrawals {"currency":"BTC","receive_uid":"GOOD","address":"EVIL"}`, "EVIL")
	f(venue.Deribit, `POST /api/v2/private/submit_transfer_to_user {"jsonrpc":"2.0","id":1,"method":"private/submit_transfer_to_user","params":{"destination":666,"address":"GOOD"}}`, "666")
	f(venue.BitMEX, `POST /api/v1/user/requestWithdrawal {"currency":"XBt","targetUserId":666,"address":"GOOD"}`, "ambiguous")
	f(venue.BitMEX, `POST /api/v1/user/requestWithdrawal {"currency":"XBt","addressId":666}`, "666")
	f(venue.BitMEX, `POST /api/v1/user/confirmWithdrawal {"token":"t","address":"GOOD"}`, "")
	f(venue.Binance, `POST /sapi/v1/fiat/withdraw currency=BRL&bankAccount=666&address=GOOD`, "666")
	f(venue.Binance, `POST /sapi/v2/fiat/withdraw currency=BRL&accountInfo=%7B%22accountNumber%22%3A666%7D&bankAccount=GOOD`, "ambiguous")
	f(venue.Bitfinex, `POST /v2/auth/w/withdraw {"method":"LNX","invoice":"EVIL","address":"GOOD"}`, "ambiguous")
	f(venue.CoinbaseExchange, `POST /withdrawals/payment-method {"payment_method_id":"EVIL","crypto_address":"GOOD"}`, "EVIL")
	f(venue.CoinbasePrime, `POST /v1/portfolios/p/wallets/w/withdrawals {"payment_method":{"payment_method_id":"EVIL"},"blockchain_address":{"address":"GOOD"}}`, "ambiguous")
	f(venue.CryptoCom, `POST /exchange/v1/private/fiat/fiat-create-withdraw {"method":"private/fiat/fiat-create-withdraw","params":{"bank_details":"EVIL","address":"GOOD"}}`, "EVIL")
	f(venue.Kraken, `POST /0/private/Withdraw key=EVIL&address=GOOD`, "EVIL")
	f(venue.Hyperliquid, `POST /exchange {"action":{"type":"sendAsset","destination":"0xE","destinationRecipient":"0xA"},"nonce":1}`, "ambiguous")

	// Tags.
	f(venue.Binance, `POST /sapi/v1/capital/withdraw/apply coin=XRP&address=GOOD&addressTag=666`, "GOOD:666")
	f(venue.Bybit, `POST /v5/asset/withdraw/create {"coin":"XRP","address":"GOOD","tag":"666"}`, "GOOD:666")
	f(venue.KuCoin, `POST /api/v3/withdrawals {"toAddress":"GOOD","memo":"666"}`, "GOOD:666")
	f(venue.Gate, `POST /api/v4/withdrawals {"address":"GOOD","memo":"666"}`, "GOOD:666")
	f(venue.Bitget, `POST /api/v2/spot/wallet/withdrawal {"address":"GOOD","tag":"666"}`, "GOOD:666")
	f(venue.MEXC, `POST /api/v3/capital/withdraw?coin=XRP&address=GOOD&memo=666`, "GOOD:666")
	f(venue.HTX, `POST /v1/dw/withdraw/api/create {"address":"GOOD","addr-tag":"666"}`, "GOOD:666")
	f(venue.Bitfinex, `POST /v2/auth/w/withdraw {"address":"GOOD","payment_id":"666"}`, "GOOD:666")
	f(venue.BitMEX, `POST /api/v1/user/requestWithdrawal {"address":"GOOD","memo":"666"}`, "GOOD:666")
	f(venue.Coinbase, `POST /v2/accounts/a/transactions {"type":"send","to":"GOOD","destination_tag":"666"}`, "GOOD:666")
	f(venue.CoinbaseExchange, `POST /withdrawals/crypto {"crypto_address":"GOOD","destination_tag":"666"}`, "GOOD:666")
	f(venue.CoinbasePrime, `POST /v1/portfolios/p/wallets/w/withdrawals {"blockchain_address":{"address":"GOOD","account_identifier":"666"}}`, "GOOD:666")
	f(venue.CryptoCom, `POST /exchange/v1/private/create-withdrawal {"method":"private/create-withdrawal","params":{"address":"GOOD","address_tag":"666"}}`, "GOOD:666")

	// Instruments.
	f(venue.Gate, `POST /api/v4/spot/price_orders {"market":"ETH_USDT","currency_pair":"BTC_USDT","put":{"side":"buy"}}`, "ambiguous")
	f(venue.Gate, `POST /api/v4/futures/usdt/price_orders {"initial":{"contract":"ETH_USDT"},"contract":"BTC_USDT"}`, "ambiguous")
	f(venue.OKX, `POST /api/v5/sprd/order {"sprdId":"EVIL","instId":"BTC-USDT"}`, "ambiguous")
	f(venue.OKX, `POST /api/v5/trade/batch-orders [{"instId":"BTC-USDT"},{"instIdCode":7,"instId":"BTC-USDT"}]`, "ambiguous")
	f(venue.Kraken, `POST /0/private/AddOrder pair=ETHUSD&symbol=XBTUSD&type=buy`, "ambiguous")
	f(venue.Bitget, `POST /api/v2/spot/trade/batch-orders {"symbol":"ETHUSDT","orderList":[{"symbol":"BTCUSDT"}]}`, "ETHUSDT")
	f(venue.OKX, `GET /api/v5/trade/orders-pending?instId=BTC-USDT&uly=BTC-USD`, "BTC-USDT")
}
