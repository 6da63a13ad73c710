'use strict';
const rec = require('../recorder.cjs');

const secret = 'ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wISE=';
const uuid = '11111111-2222-4333-8444-555555555555';

(async () => {
  const { CoinbasePro, WebSocketChannelName } = await import('coinbase-pro-node');
  await rec.start({ ignore: (url) => url.startsWith('/time'), answer: (r) => (r.url.startsWith('/time') ? { iso: new Date().toISOString(), epoch: Date.now() / 1000 } : []) });
  const keys = { apiKey: 'dummykey', secret, passphrase: 'pp' };
  rec.as({ exchange: 'coinbaseexchange', scheme: 'hmac', client: 'coinbase-pro-node', clientVersion: rec.version('coinbase-pro-node'), keys });
  const c = new CoinbasePro({ apiKey: keys.apiKey, apiSecret: secret, passphrase: keys.passphrase, useSandbox: false });
  await rec.call('balance', () => c.rest.account.listAccounts());
  await rec.call('order', () => c.rest.order.placeOrder({ product_id: 'BTC-USD', side: 'buy', type: 'limit', price: '20000', size: '0.01', time_in_force: 'IOC' }));
  await rec.call('cancel', () => c.rest.order.cancelOrder(uuid, 'BTC-USD'));
  await rec.call('orders', () => c.rest.order.getOrders({ product_id: 'BTC-USD', limit: 5 }));
  await rec.call('withdraw', () => c.rest.withdraw.withdrawToCryptoAddress('0.1', 'BTC', 'bc1q a/b+c'));
  await rec.call('transfer', () => c.rest.profile.transferFunds({ from: uuid, to: 'x', currency: 'USD', amount: '1' }));
  await rec.call('user', async () => {
    c.ws.connect();
    await rec.sleep(600);
    await c.ws.subscribe({ name: WebSocketChannelName.USER, product_ids: ['BTC-USD'] });
    await c.ws.subscribe({ name: WebSocketChannelName.MATCHES, product_ids: ['BTC-USD'] });
    await rec.sleep(300);
  });
  rec.save('coinbase-pro-node');
})();
