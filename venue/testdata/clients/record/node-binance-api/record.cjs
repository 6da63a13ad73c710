'use strict';
const rec = require('../recorder.cjs');
const Binance = require('node-binance-api');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({ answer: () => ({ serverTime: Date.now() }), ignore: (url) => /\/time$/.test(url) });
  rec.as({ exchange: 'binance', scheme: 'hmac', client: 'node-binance-api', clientVersion: rec.version('node-binance-api'), keys: { apiKey: 'dummy-key', secret } });
  const c = new Binance({ APIKEY: 'dummy-key', APISECRET: secret, recvWindow: 10000 });
  await rec.call('balance', () => c.balance());
  await rec.call('order limit', () => c.order('LIMIT', 'BUY', 'BTCUSDT', 0.01, 20000));
  await rec.call('order market', () => c.marketSell('BTCUSDT', 0.01));
  await rec.call('cancel', () => c.cancel('BTCUSDT', 1));
  await rec.call('cancel all', () => c.cancelAll('BTCUSDT'));
  await rec.call('withdraw', () => c.withdraw('BTC', 'bc1qdummy', 0.1, undefined, 'my wallet & more'));
  await rec.call('transfer', () => c.universalTransfer('MAIN_UMFUTURE', 'USDT', 1));
  await rec.call('futures order', () => c.futuresOrder('LIMIT', 'BUY', 'BTCUSDT', 1, 2));
  await rec.call('futures batch', () => c.futuresMultipleOrders([{ symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '1' }]));
  await rec.call('futures cancel', () => c.futuresCancel('BTCUSDT', 1));
  rec.save('node-binance-api');
})();
