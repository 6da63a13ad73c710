'use strict';
const rec = require('../recorder.cjs');
const GeminiAPI = require('gemini-api').default;
const Coffee = require('gemini-exchange-coffee-api');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({});
  const keys = { apiKey: 'account-dummykey', secret };
  rec.as({ exchange: 'gemini', scheme: 'hmac', client: 'gemini-api', clientVersion: rec.version('gemini-api'), keys });
  const c = new GeminiAPI({ key: keys.apiKey, secret });
  await rec.call('balance', () => c.getMyAvailableBalances());
  await rec.call('order', () => c.newOrder({ symbol: 'btcusd', amount: '0.01', price: '20000', side: 'buy', type: 'exchange limit', options: ['maker-or-cancel'], client_order_id: 'é "x"' }));
  await rec.call('cancel', () => c.cancelOrder({ order_id: 106817811 }));
  await rec.call('cancel all', () => c.cancelAllActiveOrders());
  await rec.call('trades', () => c.getMyPastTrades({ symbol: 'btcusd' }));
  await rec.call('order events', async () => {
    const ws = new GeminiAPI.WebsocketClient({ key: keys.apiKey, secret });
    ws.openOrderSocket(() => {});
    await rec.sleep(500);
  });

  rec.as({ exchange: 'gemini', scheme: 'hmac', client: 'gemini-exchange-coffee-api', clientVersion: rec.version('gemini-exchange-coffee-api'), keys });
  const old = new Coffee(keys.apiKey, secret);
  const soon = (run) => () => new Promise((ok) => run(ok));
  await rec.call('balance', soon((ok) => old.wallet_balances(ok)));
  await rec.call('order', soon((ok) => old.new_order('btcusd', '0.01', '20000', 'gemini', 'sell', 'exchange limit', ok)));
  await rec.call('cancel', soon((ok) => old.cancel_order('106817811', ok)));
  await rec.call('status', soon((ok) => old.order_status('106817811', ok)));
  rec.save('gemini-api');
})();
