'use strict';
const rec = require('../recorder.cjs');
const { Coinbase } = require('coinbase-advanced-node');

const uuid = '11111111-2222-4333-8444-555555555555';
const secret = 'legacydummysecret';

(async () => {
  const time = () => ({ data: { iso: new Date().toISOString(), epoch: Date.now() / 1000 } });
  await rec.start({ ignore: (url) => url.includes('/time'), answer: (r) => (r.url.includes('/time') ? time() : { data: [], pagination: {}, accounts: [], results: [], orders: [], order: {}, success: true, success_response: { order_id: uuid } }) });
  rec.as({ exchange: 'coinbase', scheme: 'legacy-hmac', client: 'coinbase-advanced-node', clientVersion: rec.version('coinbase-advanced-node'),
    keys: { apiKey: 'dummykey', secret } });
  const c = new Coinbase({ apiKey: 'dummykey', apiSecret: secret });
  await rec.call('balance v3', () => c.rest.account.listAccounts({ limit: 10 }));
  await rec.call('balance v2', () => c.rest.account.listCoinbaseAccounts({ limit: 10 }));
  await rec.call('order', () => c.rest.order.placeOrder({ product_id: 'BTC-USD', side: 'BUY', client_order_id: uuid,
    order_configuration: { limit_limit_gtc: { base_size: '0.01', limit_price: '20000', post_only: false } } }));
  await rec.call('cancel', () => c.rest.order.cancelOrder(uuid));
  await rec.call('orders', () => c.rest.order.getOrders({ product_id: 'BTC-USD', limit: 5 }));
  await rec.call('send', () => c.rest.transaction.sendTransaction(uuid, { to: '1Boat', amount: '0.1', currency: 'BTC', type: 'send' }));
  await rec.call('transactions', () => c.rest.transaction.listTransactions(uuid, { limit: 5, order: 'desc' }));
  rec.save('coinbase-advanced-node');
})();
