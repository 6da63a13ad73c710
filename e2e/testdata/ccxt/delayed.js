// Makes signed calls with an unmodified ccxt, each valid for a second only, and prints
// the names of the errors that they end with. Usage:
//   node delayed.js REST_BASE WS_BASE API_KEY SECRET_FILE
'use strict';
const fs = require('fs');
const { createRequire } = require('module');
const load = process.env.CLIENT_HOME ? createRequire(process.env.CLIENT_HOME + '/') : require;
const ccxt = load('ccxt');

const [rest, ws, apiKey, secretFile] = process.argv.slice(2);
const secret = fs.readFileSync(secretFile, 'utf8').trim();
const SYMBOL = 'BTC/USDT';

const ex = new ccxt.pro.binance({ apiKey, secret, enableRateLimit: false, timeout: 20000, options: { recvWindow: 1000 } });
for (const name of ['public', 'private']) ex.urls.api[name] = rest + '/api/v3';
ex.urls.api.sapi = rest + '/sapi/v1';
for (const name of ['fapi', 'dapi']) ex.urls.api[name + 'Public'] = rest + '/' + name + '/v1';
ex.urls.api.ws['ws-api'].spot = ws + '/ws-api/v3';

const nameOf = async (f) => { try { await f(); return 'accepted'; } catch (e) { return e.constructor.name; } };

(async () => {
    // Loaded by hand: loadMarkets signs calls of its own when it has a key.
    const { apiKey, secret } = ex;
    ex.apiKey = ex.secret = undefined;
    await ex.loadMarkets();
    Object.assign(ex, { apiKey, secret });
    await ex.loadHttpProxyAgent();
    const names = await Promise.all([
        nameOf(() => ex.fetchBalance()),
        nameOf(() => ex.createOrder(SYMBOL, 'limit', 'buy', 0.5, 19000)),
        nameOf(() => ex.withdraw('BTC', 0.05, 'bc1qallowed')),
    ]);
    names.push(await nameOf(() => ex.createOrderWs(SYMBOL, 'limit', 'buy', 0.5, 19000)));
    names.push(await nameOf(() => ex.fetchBalanceWs()));
    await ex.close();
    process.stdout.write(JSON.stringify(names) + '\n', () => process.exit(0));
})();
