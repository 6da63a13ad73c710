'use strict';
const rec = require('../recorder.cjs');
const { RESTv1, RESTv2 } = require('bfx-api-node-rest');
const BFX = require('bitfinex-api-node');
const { Order } = require('bfx-api-node-models');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({
    answer: () => [],
    onOpen: () => ({ event: 'info', version: 2, serverId: 'x', platform: { status: 1 } }),
    onMessage: (text) => (JSON.parse(text).event === 'auth' ? { event: 'auth', status: 'OK', chanId: 0, userId: 1, auth_id: 'x', caps: {} } : undefined),
  });
  const keys = { apiKey: 'dummykey', secret };
  rec.as({ exchange: 'bitfinex', scheme: 'hmac', client: 'bfx-api-node-rest', clientVersion: rec.version('bfx-api-node-rest'), keys });
  const c = new RESTv2({ apiKey: keys.apiKey, apiSecret: secret });
  await rec.call('balance', () => c.wallets());
  await rec.call('order', () => c.submitOrder({ order: new Order({ type: 'EXCHANGE LIMIT', symbol: 'tBTCUSD', amount: '-0.01', price: '20000', cid: 12345, flags: 4096, meta: { aff_code: 'é"x' } }) }));
  await rec.call('amend', () => c.updateOrder({ id: 77, price: '20001' }));
  await rec.call('cancel', () => c.cancelOrder({ id: 77 }));
  await rec.call('batch', () => c.orderMultiOp({ ops: [['on', { type: 'EXCHANGE LIMIT', symbol: 'tBTCUSD', amount: '1', price: '1' }], ['oc', { id: 77 }], ['oc_multi', { id: [1, 2] }]] }));
  await rec.call('cancel many', () => c.cancelOrderMulti({ id: [1, 2], gid: [3] }));
  await rec.call('withdraw', () => c.withdraw({ wallet: 'exchange', method: 'bitcoin', amount: '0.1', address: '1Boat' }));
  await rec.call('transfer', () => c.transfer({ from: 'exchange', to: 'margin', amount: '1', currency: 'BTC', currencyTo: 'BTC' }));
  await rec.call('orders', () => c.orderHistory({ symbol: 'tBTCUSD', start: 1, end: 2, limit: 5 }));
  await rec.call('token', () => c.generateToken({ scope: 'api', ttl: 120, writePermission: false }));

  const v1 = new RESTv1({ apiKey: keys.apiKey, apiSecret: secret });
  const soon = (run) => () => new Promise((ok) => run(ok));
  await rec.call('v1 balance', soon((ok) => v1.wallet_balances(ok)));
  await rec.call('v1 order', soon((ok) => v1.new_order('BTCUSD', '0.01', '20000', 'bitfinex', 'buy', 'exchange limit', false, true, ok)));
  await rec.call('v1 withdraw', soon((ok) => v1.withdraw('bitcoin', 'exchange', '0.1', '1Boat', ok)));

  rec.as({ exchange: 'bitfinex', scheme: 'hmac', client: 'bitfinex-api-node', clientVersion: rec.version('bitfinex-api-node'), keys });
  const ws = new BFX({ apiKey: keys.apiKey, apiSecret: secret }).ws(2);
  ws.on('error', () => {});
  await rec.call('auth and orders', async () => {
    await ws.open();
    await ws.auth();
    ws.submitOrder({ type: 'EXCHANGE LIMIT', symbol: 'tBTCUSD', amount: '0.01', price: '20000', cid: 12345 }).catch(() => {});
    ws.cancelOrder(77).catch(() => {});
    ws.submitOrderMultiOp([['oc_multi', { id: [1, 2] }]]);
    await rec.sleep(500);
  });
  rec.save('bitfinex-api-node');
})();
