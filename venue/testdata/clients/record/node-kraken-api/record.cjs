'use strict';
const rec = require('../recorder.cjs');
const { Kraken } = require('node-kraken-api');

const secret = 'ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wISE=';

(async () => {
  await rec.start({
    answer: () => ({ error: [], result: { token: 'WSTOKEN-1', expires: 900 } }),
    onMessage: (text) => {
      const m = JSON.parse(text);
      if (m.event === 'addOrder') return { event: 'addOrderStatus', reqid: m.reqid, status: 'ok', txid: 'OAAAAA-BBBBB-CCCCCC' };
      if (m.event === 'cancelOrder') return { event: 'cancelOrderStatus', reqid: m.reqid, status: 'ok' };
      if (m.event === 'subscribe') return { event: 'subscriptionStatus', reqid: m.reqid, status: 'subscribed', channelName: m.subscription.name };
      return undefined;
    },
  });
  const c = new Kraken({ key: 'dummy-key', secret, timeout: 3000 });
  const labels = { exchange: 'kraken', client: 'node-kraken-api', clientVersion: rec.version('node-kraken-api'), keys: { apiKey: 'dummy-key', secret } };
  rec.as({ ...labels, scheme: 'hmac' });
  await rec.call('balance', () => c.balance());
  await rec.call('order', () => c.addOrder({ pair: 'XXBTZUSD', type: 'buy', ordertype: 'limit', price: '20000', volume: '0.01', userref: 7 }));
  await rec.call('cancel', () => c.cancelOrder({ txid: 'OAAAAA-BBBBB-CCCCCC' }));
  await rec.call('withdraw', () => c.withdraw({ asset: 'XBT', key: 'my wallet+é', amount: 0.1 }));
  await rec.call('transfer', () => c.walletTransfer({ asset: 'XBT', from: 'Spot Wallet', to: 'Futures Wallet', amount: 1 }));
  await rec.call('token', () => c.getWebSocketsToken());
  rec.as({ ...labels, scheme: 'token', keys: { apiKey: 'dummy-key' } });
  await rec.call('orders(token)', async () => {
    await c.ws.openOrders({ token: 'WSTOKEN-1' }).subscribe();
    await c.ws.addOrder({ token: 'WSTOKEN-1', pair: 'XBT/USD', type: 'buy', ordertype: 'limit', price: '20000', volume: '0.01' });
    await c.ws.cancelOrder({ token: 'WSTOKEN-1', txid: ['OAAAAA-BBBBB-CCCCCC'] });
    await rec.sleep(200);
  });
  rec.save('node-kraken-api');
})();
