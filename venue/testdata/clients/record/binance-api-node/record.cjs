'use strict';
const rec = require('../recorder.cjs');
const Binance = require('binance-api-node').default;

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({ answer: () => ({ serverTime: Date.now() }), ignore: (url) => /\/time$/.test(url) });
  rec.as({ exchange: 'binance', scheme: 'hmac', client: 'binance-api-node', clientVersion: rec.version('binance-api-node'), keys: { apiKey: 'dummy-key', secret } });
  const c = Binance({ apiKey: 'dummy-key', apiSecret: secret });
  await rec.call('balance', () => c.accountInfo());
  await rec.call('order limit', () => c.order({ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.01', price: '20000' }));
  await rec.call('order market', () => c.order({ symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quantity: '0.01' }));
  await rec.call('cancel', () => c.cancelOrder({ symbol: 'BTCUSDT', origClientOrderId: 'a b/c+d=é' }));
  await rec.call('cancel all', () => c.cancelOpenOrders({ symbol: 'BTCUSDT' }));
  await rec.call('withdraw', () => c.withdraw({ coin: 'BTC', address: 'bc1qdummy', amount: 0.1, name: 'my wallet' }));
  await rec.call('transfer', () => c.universalTransfer({ type: 'MAIN_UMFUTURE', asset: 'USDT', amount: '1' }));
  await rec.call('futures batch', () => c.futuresBatchOrders({ batchOrders: JSON.stringify([{ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '1', price: '1' }]) }));
  await rec.call('futures cancel', () => c.futuresCancelOrder({ symbol: 'BTCUSDT', orderId: 1 }));
  rec.save('binance-api-node');
})();
