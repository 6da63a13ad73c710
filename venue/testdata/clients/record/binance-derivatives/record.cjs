'use strict';
const rec = require('../recorder.cjs');
const { DerivativesTradingUsdsFutures } = require('@binance/derivatives-trading-usds-futures');

const client = '@binance/derivatives-trading-usds-futures';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const given = { apiKey: 'dummy-key', apiSecret: secret };

(async () => {
  await rec.start({ onMessage: (text) => ({ id: JSON.parse(text).id, status: 200, result: {} }) });
  rec.as({ exchange: 'binance', scheme: 'hmac', client, clientVersion: rec.version(client), keys: { apiKey: 'dummy-key', secret } });
  const c = new DerivativesTradingUsdsFutures({ configurationRestAPI: given }).restAPI;
  const order = { symbol: 'BTCUSDT', side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: 1, price: 1 };
  await rec.call('order', () => c.newOrder(order));
  await rec.call('batch', () => c.placeMultipleOrders({ batchOrders: [order, { symbol: 'ETHUSDT', side: 'BUY', type: 'MARKET', quantity: '2' }] }));
  await rec.call('amend', () => c.modifyOrder({ symbol: 'BTCUSDT', side: 'SELL', quantity: 1, price: 2, origClientOrderId: 'a b/c+d' }));
  await rec.call('cancel batch', () => c.cancelMultipleOrders({ symbol: 'BTCUSDT', orderIdList: [1, 2] }));
  await rec.call('cancel all', () => c.cancelAllOpenOrders({ symbol: 'BTCUSDT' }));
  const s = new DerivativesTradingUsdsFutures({ configurationWebsocketAPI: given });
  await rec.call('order', async () => {
    const ws = await s.websocketAPI.connect();
    await ws.newOrder(order);
    await ws.disconnect();
  });
  rec.save('binance-derivatives');
})();
