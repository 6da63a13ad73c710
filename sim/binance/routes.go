package binance

import "vedette"

// The operations, shared by REST and the WebSocket API.
var (
	rPing         = &route{public, 0, 1, (*Server).ping}
	rTime         = &route{public, 0, 1, (*Server).time}
	rInfo         = &route{public, 0, 20, (*Server).exchangeInfo}
	rDepth        = &route{public, 0, 5, (*Server).depth}
	rTrades       = &route{public, 0, 25, (*Server).trades}
	rAggTrades    = &route{public, 0, 4, (*Server).aggTrades}
	rKlines       = &route{public, 0, 2, (*Server).klines}
	rAvgPrice     = &route{public, 0, 2, (*Server).avgPrice}
	rTicker24     = &route{public, 0, 2, (*Server).ticker24}
	rTickerPrice  = &route{public, 0, 2, (*Server).tickerPrice}
	rTickerBook   = &route{public, 0, 2, (*Server).tickerBook}
	rSystem       = &route{public, 0, 1, (*Server).systemStatus}
	rNoSymbols    = &route{public, 0, 1, (*Server).noSymbols}
	rNothing      = &route{keyed, 0, 1, (*Server).nothing}
	rAccount      = &route{signedCall, vedette.PermRead, 20, (*Server).account}
	rCommission   = &route{signedCall, vedette.PermRead, 20, (*Server).commission}
	rOrderNew     = &route{signedCall, vedette.PermTrade, 1, (*Server).orderNew}
	rOrderTest    = &route{signedCall, vedette.PermTrade, 1, (*Server).orderTest}
	rOrderQuery   = &route{signedCall, vedette.PermRead, 4, (*Server).orderQuery}
	rOrderCancel  = &route{signedCall, vedette.PermTrade, 1, (*Server).orderCancel}
	rOrderReplace = &route{signedCall, vedette.PermTrade, 1, (*Server).orderReplace}
	rOrderAmend   = &route{signedCall, vedette.PermTrade, 4, (*Server).orderAmend}
	rOpenOrders   = &route{signedCall, vedette.PermRead, 6, (*Server).openOrders}
	rCancelAll    = &route{signedCall, vedette.PermTrade, 1, (*Server).cancelAll}
	rAllOrders    = &route{signedCall, vedette.PermRead, 20, (*Server).allOrders}
	rMyTrades     = &route{signedCall, vedette.PermRead, 20, (*Server).myTrades}
	rStreamStart  = &route{keyed, 0, 2, (*Server).listenKeyStart}
	rStreamKeep   = &route{keyed, 0, 2, (*Server).listenKeyKeep}
	rStreamStop   = &route{keyed, 0, 2, (*Server).listenKeyStop}
	rWithdraw     = &route{signedCall, vedette.PermWithdraw, 600, (*Server).withdraw}
	rWithdrawals  = &route{signedCall, vedette.PermRead, 10, (*Server).withdrawals}
	rDeposits     = &route{signedCall, vedette.PermRead, 1, (*Server).deposits}
	rAddress      = &route{signedCall, vedette.PermRead, 10, (*Server).depositAddress}
	rCoins        = &route{signedCall, vedette.PermRead, 10, (*Server).coins}
	rTransfer     = &route{signedCall, vedette.PermTransfer, 1, (*Server).transfer}
	rSubTransfer  = &route{signedCall, vedette.PermTransfer, 1, (*Server).subTransfer}
	rRestrictions = &route{signedCall, vedette.PermRead, 1, (*Server).restrictions}
	rAdmin        = &route{signedCall, vedette.PermAdmin, 1, (*Server).admin}
)

// restRoutes is path, then method.
var restRoutes = map[string]map[string]*route{
	"/api/v3/ping":                     {"GET": rPing},
	"/api/v3/time":                     {"GET": rTime},
	"/api/v3/exchangeInfo":             {"GET": rInfo},
	"/api/v3/depth":                    {"GET": rDepth},
	"/api/v3/trades":                   {"GET": rTrades},
	"/api/v3/aggTrades":                {"GET": rAggTrades},
	"/api/v3/klines":                   {"GET": rKlines},
	"/api/v3/avgPrice":                 {"GET": rAvgPrice},
	"/api/v3/ticker/24hr":              {"GET": rTicker24},
	"/api/v3/ticker/price":             {"GET": rTickerPrice},
	"/api/v3/ticker/bookTicker":        {"GET": rTickerBook},
	"/api/v3/account":                  {"GET": rAccount},
	"/api/v3/account/commission":       {"GET": rCommission},
	"/api/v3/order":                    {"POST": rOrderNew, "GET": rOrderQuery, "DELETE": rOrderCancel},
	"/api/v3/order/test":               {"POST": rOrderTest},
	"/api/v3/order/cancelReplace":      {"POST": rOrderReplace},
	"/api/v3/order/amend/keepPriority": {"PUT": rOrderAmend},
	"/api/v3/openOrders":               {"GET": rOpenOrders, "DELETE": rCancelAll},
	"/api/v3/allOrders":                {"GET": rAllOrders},
	"/api/v3/myTrades":                 {"GET": rMyTrades},
	"/api/v3/userDataStream":           {"POST": rStreamStart, "PUT": rStreamKeep, "DELETE": rStreamStop},

	// Empty, but asked for by clients that load every kind of market.
	"/fapi/v1/exchangeInfo":             {"GET": rNoSymbols},
	"/dapi/v1/exchangeInfo":             {"GET": rNoSymbols},
	"/sapi/v1/margin/allPairs":          {"GET": rNothing},
	"/sapi/v1/margin/isolated/allPairs": {"GET": rNothing},

	"/sapi/v1/system/status":                           {"GET": rSystem},
	"/sapi/v1/capital/withdraw/apply":                  {"POST": rWithdraw},
	"/sapi/v1/capital/withdraw/history":                {"GET": rWithdrawals},
	"/sapi/v1/capital/deposit/hisrec":                  {"GET": rDeposits},
	"/sapi/v1/capital/deposit/address":                 {"GET": rAddress},
	"/sapi/v1/capital/config/getall":                   {"GET": rCoins},
	"/sapi/v1/account/apiRestrictions":                 {"GET": rRestrictions},
	"/sapi/v1/asset/transfer":                          {"POST": rTransfer},
	"/sapi/v1/sub-account/universalTransfer":           {"POST": rSubTransfer},
	"/sapi/v1/account/enableFastWithdrawSwitch":        {"POST": rAdmin},
	"/sapi/v1/broker/subAccountApi":                    {"POST": rAdmin, "DELETE": rAdmin},
	"/sapi/v1/broker/subAccountApi/permission":         {"POST": rAdmin},
	"/sapi/v1/sub-account/subAccountApi/ipRestriction": {"POST": rAdmin},
}

// wsRoutes are the methods of the WebSocket API that have a REST twin.
var wsRoutes = map[string]*route{
	"ping":                     rPing,
	"time":                     rTime,
	"exchangeInfo":             rInfo,
	"depth":                    rDepth,
	"trades.recent":            rTrades,
	"trades.aggregate":         rAggTrades,
	"klines":                   rKlines,
	"avgPrice":                 rAvgPrice,
	"ticker.24hr":              rTicker24,
	"ticker.price":             rTickerPrice,
	"ticker.book":              rTickerBook,
	"account.status":           rAccount,
	"account.commission":       rCommission,
	"order.place":              rOrderNew,
	"order.test":               rOrderTest,
	"order.status":             rOrderQuery,
	"order.cancel":             rOrderCancel,
	"order.cancelReplace":      rOrderReplace,
	"order.amend.keepPriority": rOrderAmend,
	"openOrders.status":        rOpenOrders,
	"openOrders.cancelAll":     rCancelAll,
	"allOrders":                rAllOrders,
	"myTrades":                 rMyTrades,
}
