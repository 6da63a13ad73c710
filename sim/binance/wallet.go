package binance

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

func (s *Server) account(q *request) *apiError {
	balances, err := s.exchange.Balances(q.account())
	if err != nil {
		return engineError(err)
	}
	trade, withdraw := q.key.Permissions&vedette.PermTrade != 0, q.key.Permissions&vedette.PermWithdraw != 0
	w := &q.body
	w.raw(`{"makerCommission":10,"takerCommission":10,"buyerCommission":0,"sellerCommission":0,` +
		`"commissionRates":{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"}`)
	w.truth("canTrade", trade)
	w.truth("canWithdraw", withdraw)
	w.truth("canDeposit", true)
	w.truth("brokered", false)
	w.truth("requireSelfTradePrevention", false)
	w.truth("preventSor", false)
	w.time("updateTime", q.now)
	w.text("accountType", "SPOT")
	w.member("balances", "[")
	for _, b := range balances {
		if b.Free == 0 && b.Locked == 0 && q.params.get("omitZeroBalances") == "true" {
			continue
		}
		w.item()
		w.raw("{")
		w.text("asset", b.Asset)
		w.units("free", b.Free)
		w.units("locked", b.Locked)
		w.raw("}")
	}
	w.raw("]")
	w.member("permissions", `["SPOT"]`)
	w.number("uid", userID(q.account()))
	w.raw("}")
	return nil
}

// userID is a stable number for an account.
func userID(account string) int64 {
	h := fnv.New32a()
	h.Write([]byte(account))
	return int64(h.Sum32())
}

func (s *Server) commission(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	w := &q.body
	w.raw("{")
	w.text("symbol", symbol)
	w.member("standardCommission", `{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"}`)
	w.member("taxCommission", `{"maker":"0.00000000","taker":"0.00000000","buyer":"0.00000000","seller":"0.00000000"}`)
	w.raw("}")
	return nil
}

func (s *Server) withdraw(q *request) *apiError {
	coin, address := q.params.get("coin"), q.params.get("address")
	switch {
	case coin == "":
		return errMissing("coin")
	case address == "":
		return errMissing("address")
	}
	amount, e := q.amount("amount")
	if e != nil {
		return e
	}
	if amount == 0 {
		return errMissing("amount")
	}
	if !q.key.mayReach(address) {
		return fail(-4104, "The withdrawal address is not on the whitelist.")
	}
	m, err := s.exchange.Withdraw(q.account(), coin, address, q.params.get("withdrawOrderId"), amount)
	switch err {
	case nil:
	case exchange.ErrInsufficient:
		return fail(-4026, "User has insufficient balance.")
	case exchange.ErrWithdrawMin:
		return fail(-4024, "Withdrawal amount is below the minimum.")
	case exchange.ErrUnknownAsset:
		return fail(-4018, "This coin does not exist.")
	default:
		return engineError(err)
	}
	q.body.raw("{")
	q.body.text("id", moveID(m.ID))
	q.body.raw("}")
	return nil
}

// moveID is a move's id as the venue writes them, 32 hexadecimal digits.
func moveID(id int64) string { return fmt.Sprintf("%032x", id) }

func (s *Server) withdrawals(q *request) *apiError {
	moves, err := s.exchange.Moves(q.account(), exchange.Withdrawn)
	if err != nil {
		return engineError(err)
	}
	networks := s.networks()
	w := &q.body
	w.raw("[")
	for _, m := range moves {
		if coin := q.params.get("coin"); coin != "" && coin != m.Asset {
			continue
		}
		status := int64(4) // processing
		if !q.now.Before(m.Done) {
			status = 6 // completed
		}
		w.item()
		w.raw("{")
		w.text("id", moveID(m.ID))
		w.units("amount", m.Amount-m.Fee)
		w.units("transactionFee", m.Fee)
		w.text("coin", m.Asset)
		w.number("status", status)
		w.text("address", m.Address)
		w.text("txId", fmt.Sprintf("0x%064x", m.ID))
		w.text("applyTime", m.Time.UTC().Format(time.DateTime))
		w.text("network", networks[m.Asset])
		w.number("transferType", 0)
		w.text("withdrawOrderId", m.ClientID)
		w.number("confirmNo", 3)
		w.number("walletType", 0)
		if status == 6 {
			w.text("completeTime", m.Done.UTC().Format(time.DateTime))
		}
		w.raw("}")
	}
	w.raw("]")
	return nil
}

func (s *Server) networks() map[string]string {
	out := map[string]string{}
	for _, a := range s.exchange.Assets() {
		out[a.Name] = a.Network
	}
	return out
}

func (s *Server) deposits(q *request) *apiError {
	moves, err := s.exchange.Moves(q.account(), exchange.Deposited)
	if err != nil {
		return engineError(err)
	}
	networks := s.networks()
	w := &q.body
	w.raw("[")
	for _, m := range moves {
		if coin := q.params.get("coin"); coin != "" && coin != m.Asset {
			continue
		}
		w.item()
		w.raw("{")
		w.text("id", strconv.FormatInt(m.ID, 10))
		w.units("amount", m.Amount)
		w.text("coin", m.Asset)
		w.text("network", networks[m.Asset])
		w.number("status", 1)
		w.text("address", addressOf(q.account(), m.Asset))
		w.text("addressTag", "")
		w.text("txId", fmt.Sprintf("0x%064x", m.ID))
		w.time("insertTime", m.Time)
		w.time("completeTime", m.Done)
		w.number("transferType", 0)
		w.text("confirmTimes", "1/1")
		w.number("unlockConfirm", 0)
		w.number("walletType", 0)
		w.raw("}")
	}
	w.raw("]")
	return nil
}

// addressOf is the deposit address of an account: no real chain has its form.
func addressOf(account, asset string) string {
	h := fnv.New64a()
	fmt.Fprint(h, account, "/", asset)
	return fmt.Sprintf("sim-%s-%016x", asset, h.Sum64())
}

func (s *Server) depositAddress(q *request) *apiError {
	coin := q.params.get("coin")
	if coin == "" {
		return errMissing("coin")
	}
	if _, ok := s.networks()[coin]; !ok {
		return fail(-4018, "This coin does not exist.")
	}
	q.body.raw("{")
	q.body.text("address", addressOf(q.account(), coin))
	q.body.text("coin", coin)
	q.body.text("tag", "")
	q.body.text("url", "")
	q.body.raw("}")
	return nil
}

func (s *Server) coins(q *request) *apiError {
	balances, err := s.exchange.Balances(q.account())
	if err != nil {
		return engineError(err)
	}
	w := &q.body
	w.raw("[")
	for i, a := range s.exchange.Assets() {
		w.item()
		w.raw("{")
		w.text("coin", a.Name)
		w.truth("depositAllEnable", true)
		w.truth("withdrawAllEnable", true)
		w.text("name", a.Name)
		w.units("free", balances[i].Free)
		w.units("locked", balances[i].Locked)
		for _, k := range []string{"freeze", "withdrawing", "ipoing", "ipoable", "storage"} {
			w.text(k, "0")
		}
		w.truth("isLegalMoney", false)
		w.truth("trading", true)
		w.member("networkList", "[{")
		w.network(&a)
		w.raw("}]}")
	}
	w.raw("]")
	return nil
}

func (w *out) network(a *exchange.Asset) {
	w.text("network", a.Network)
	w.text("coin", a.Name)
	w.units("withdrawIntegerMultiple", 1)
	w.truth("isDefault", true)
	w.truth("depositEnable", true)
	w.truth("withdrawEnable", true)
	w.text("depositDesc", "")
	w.text("withdrawDesc", "")
	w.text("name", a.Network)
	w.truth("resetAddressStatus", false)
	w.text("addressRegex", "")
	w.text("memoRegex", "")
	w.units("withdrawFee", a.WithdrawFee)
	w.units("withdrawMin", a.WithdrawMin)
	w.units("withdrawMax", exchange.MaxUnits)
	w.number("minConfirm", 1)
	w.number("unLockConfirm", 0)
	w.truth("sameAddress", false)
	w.truth("busy", false)
}

func (s *Server) restrictions(q *request) *apiError {
	p := q.key.Permissions
	w := &q.body
	w.raw(`{"ipRestrict":false`)
	w.number("createTime", 0)
	w.truth("enableReading", p&vedette.PermRead != 0)
	w.truth("enableWithdrawals", p&vedette.PermWithdraw != 0)
	w.truth("enableInternalTransfer", p&vedette.PermTransfer != 0)
	w.truth("permitsUniversalTransfer", p&vedette.PermTransfer != 0)
	w.truth("enableSpotAndMarginTrading", p&vedette.PermTrade != 0)
	for _, k := range []string{"enableMargin", "enableFutures", "enableVanillaOptions", "enablePortfolioMarginTrading"} {
		w.truth(k, false)
	}
	w.raw("}")
	return nil
}

// transfer moves between the spot and the funding wallet of one account.
func (s *Server) transfer(q *request) *apiError {
	spot, funding := q.account(), q.account()+":funding"
	s.exchange.OpenAccount(funding)
	switch q.params.get("type") {
	case "MAIN_FUNDING":
		return s.move(q, spot, funding)
	case "FUNDING_MAIN":
		return s.move(q, funding, spot)
	case "":
		return errMissing("type")
	}
	return errIllegal("type")
}

// subTransfer moves to another account, named in place of its e-mail address.
func (s *Server) subTransfer(q *request) *apiError {
	to := q.params.get("toEmail")
	if to == "" {
		return errMissing("toEmail")
	}
	return s.move(q, q.account(), to)
}

func (s *Server) move(q *request, from, to string) *apiError {
	amount, e := q.amount("amount")
	if e != nil {
		return e
	}
	if amount == 0 {
		return errMissing("amount")
	}
	id, err := s.exchange.Transfer(from, to, q.params.get("asset"), amount)
	switch err {
	case nil:
	case exchange.ErrUnknownAccount, exchange.ErrUnknownAsset:
		return fail(-9000, "Account or asset does not exist.")
	default:
		return engineError(err)
	}
	q.body.raw("{")
	q.body.number("tranId", id)
	q.body.raw("}")
	return nil
}

// admin stands for key and account management: who may do it gets an empty answer.
func (s *Server) admin(q *request) *apiError {
	q.body.raw("{}")
	return nil
}
