// Trades on a venue with an unmodified ccxt, over REST and WebSocket, and prints one
// JSON object with what it saw. Usage:
//   node trade.js REST_BASE WS_BASE API_KEY SECRET_FILE
// REST_BASE is like http://127.0.0.1:8080, WS_BASE like ws://127.0.0.1:8080. The secret
// is a file: an HMAC secret, or a PEM private key (Ed25519 or RSA).
'use strict';
const fs = require('fs');
const { createRequire } = require('module');
const load = process.env.CLIENT_HOME ? createRequire(process.env.CLIENT_HOME + '/') : require;
const ccxt = load('ccxt');

const [rest, ws, apiKey, secretFile] = process.argv.slice(2);
const secret = fs.readFileSync(secretFile, 'utf8').trim();
const SYMBOL = 'BTC/USDT';

function client(Class) {
    const ex = new Class({
        apiKey, secret, enableRateLimit: false, timeout: 10000,
    });
    ex.urls.api.public = rest + '/api/v3';
    ex.urls.api.private = rest + '/api/v3';
    ex.urls.api.v1 = rest + '/api/v1';
    ex.urls.api.fapiPublic = rest + '/fapi/v1';
    ex.urls.api.dapiPublic = rest + '/dapi/v1';
    for (const [name, v] of [['sapi', 'v1'], ['sapiV2', 'v2'], ['sapiV3', 'v3'], ['sapiV4', 'v4']]) {
        ex.urls.api[name] = rest + '/sapi/' + v;
    }
    if (ex.urls.api.ws) {
        ex.urls.api.ws.spot = ws + '/ws';
        ex.urls.api.ws['ws-api'].spot = ws + '/ws-api/v3';
    }
    return ex;
}

const brief = (o) => ({ id: o.id, status: o.status, type: o.type, side: o.side, price: o.price, amount: o.amount, filled: o.filled, average: o.average });
const funds = (b) => ({ BTC: [b.BTC.free, b.BTC.used, b.BTC.total], USDT: [b.USDT.free, b.USDT.used, b.USDT.total] });
const nameOf = async (f) => { try { await f(); return 'accepted'; } catch (e) { return e.constructor.name; } };

async function overREST(out) {
    const ex = client(ccxt.binance);
    const markets = await ex.loadMarkets();
    out.markets = Object.keys(markets).sort();
    out.precision = markets[SYMBOL].precision;
    out.clock = Math.abs(await ex.fetchTime() - Date.now()) < 5000;
    out.before = funds(await ex.fetchBalance());
    const placed = await ex.createOrder(SYMBOL, 'limit', 'buy', 0.5, 19000, { clientOrderId: 'rest-1' });
    out.placed = brief(placed);
    out.locked = funds(await ex.fetchBalance());
    out.open = (await ex.fetchOpenOrders(SYMBOL)).map(brief);
    const edited = await ex.editOrder(placed.id, SYMBOL, 'limit', 'buy', 0.4, 19100);
    out.edited = brief(edited);
    out.replaced = brief(await ex.fetchOrder(placed.id, SYMBOL));
    out.cancelled = brief(await ex.cancelOrder(edited.id, SYMBOL));
    out.fetched = brief(await ex.fetchOrder(edited.id, SYMBOL));
    const market = await ex.createOrder(SYMBOL, 'market', 'buy', 0.25);
    out.market = { ...brief(market), fees: market.fees };
    out.trades = (await ex.fetchMyTrades(SYMBOL)).map((t) => ({ order: t.order, side: t.side, price: t.price, amount: t.amount, takerOrMaker: t.takerOrMaker, fee: t.fee }));
    out.postOnly = await nameOf(() => ex.createOrder(SYMBOL, 'limit', 'buy', 0.1, 30000, { postOnly: true }));
    const stop = await ex.createOrder(SYMBOL, 'limit', 'sell', 0.1, 15000, { stopLossPrice: 15500 });
    out.stop = brief(stop);
    out.stopCancelled = (await ex.cancelAllOrders(SYMBOL)).length;
    const amended = await ex.createOrder(SYMBOL, 'limit', 'buy', 0.3, 19000);
    out.amended = await ex.request('order/amend/keepPriority', 'private', 'PUT', { symbol: 'BTCUSDT', orderId: amended.id, newQty: '0.2' }).then((r) => r.amendedOrder.qty);
    await ex.cancelOrder(amended.id, SYMBOL);
    out.tooMuch = await nameOf(() => ex.createOrder(SYMBOL, 'limit', 'buy', 900, 19000));
    out.unknownOrder = await nameOf(() => ex.cancelOrder('999999', SYMBOL));
    out.withdrawal = (await ex.withdraw('BTC', 0.05, 'bc1qallowed', undefined, { name: 'my wallet' })).id;
    out.withdrawals = (await ex.fetchWithdrawals('BTC')).map((w) => ({ amount: w.amount, fee: w.fee.cost, address: w.address, status: w.status }));
    out.deposits = (await ex.fetchDeposits('BTC')).map((d) => ({ amount: d.amount, status: d.status }));
    out.address = (await ex.fetchDepositAddress('BTC')).address.length > 0;
    out.book = (await ex.fetchOrderBook(SYMBOL)).asks[0];
    out.ticker = (await ex.fetchTicker(SYMBOL)).last;
    out.candles = (await ex.fetchOHLCV(SYMBOL, '1m')).length;
    out.after = funds(await ex.fetchBalance());
    const thief = client(ccxt.binance);
    thief.secret = secret.includes('PRIVATE KEY') ? 'wrong' : secret + 'x';
    await thief.loadMarkets().catch(() => {});
    out.wrongSecret = await nameOf(() => thief.fetchBalance());
}

async function overWS(out) {
    const ex = client(ccxt.pro.binance);
    await ex.loadMarkets();
    await ex.loadHttpProxyAgent(); // ccxt wants it before plain ws:// URLs
    const balance = ex.watchBalance();
    const orders = ex.watchOrders(SYMBOL);
    const book = ex.watchOrderBook(SYMBOL);
    const trades = ex.watchTrades(SYMBOL);
    // The subscriptions must stand before the order is placed.
    await new Promise((r) => setTimeout(r, 500));
    const placed = await ex.createOrderWs(SYMBOL, 'limit', 'buy', 0.5, 19000);
    out.placed = brief(placed);
    const b = await balance;
    out.balance = { USDT: [b.USDT.free, b.USDT.used] };
    out.order = (await orders).map(brief)[0];
    const edited = await ex.editOrderWs(placed.id, SYMBOL, 'limit', 'buy', 0.4, 19100);
    out.edited = brief(edited);
    out.cancelled = brief(await ex.cancelOrderWs(edited.id, SYMBOL));
    const filled = await ex.createOrderWs(SYMBOL, 'limit', 'buy', 0.1, 20000);
    out.filled = brief(filled);
    const first = await book;
    out.book = { bid: first.bids[0] !== undefined, ask: first.asks[0] };
    out.trade = (await trades).map((t) => ({ price: t.price, amount: t.amount, side: t.side }))[0];
    out.openOrders = (await ex.fetchOpenOrdersWs(SYMBOL)).length;
    out.fetched = brief(await ex.fetchOrderWs(filled.id, SYMBOL));
    // ccxt leaves the parsed form of a spot account.status empty: read the raw one.
    out.fetchBalance = (await ex.fetchBalanceWs()).info.balances.find((x) => x.asset === 'USDT');
    out.tooMuch = await nameOf(() => ex.createOrderWs(SYMBOL, 'limit', 'buy', 900, 19000));
    await ex.close();
}

(async () => {
    const out = { rest: {}, ws: {} };
    try {
        await overREST(out.rest);
        await overWS(out.ws);
    } catch (e) {
        out.error = e.constructor.name + ': ' + e.message;
        out.stack = e.stack;
    }
    process.stdout.write(JSON.stringify(out) + '\n', () => process.exit(out.error ? 1 : 0));
})();
