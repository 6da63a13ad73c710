'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const { MainClient, USDMClient, WebsocketAPIClient } = require('binance');

const client = 'binance';
const clientVersion = rec.version(client);
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

function pair(type, options) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync(type, options);
  return { secret: privateKey.export({ type: 'pkcs8', format: 'pem' }), publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) };
}

async function rest(scheme, api_secret, keys) {
  rec.as({ exchange: 'binance', scheme, client, clientVersion, keys: { apiKey: 'dummy-key', ...keys } });
  const given = { api_key: 'dummy-key', api_secret, beautifyResponses: false, disableTimeSync: true };
  const spot = new MainClient(given);
  await rec.call('balance', () => spot.getAccountInformation());
  await rec.call('order limit', () => spot.submitNewOrder({ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price: 20000 }));
  await rec.call('order market', () => spot.submitNewOrder({ symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quoteOrderQty: 10 }));
  await rec.call('cancel', () => spot.cancelOrder({ symbol: 'BTCUSDT', origClientOrderId: 'a b/c+d=é' }));
  await rec.call('cancel all', () => spot.cancelAllSymbolOrders({ symbol: 'BTCUSDT' }));
  await rec.call('withdraw', () => spot.withdraw({ coin: 'BTC', address: 'bc1qdummy', amount: 0.1, name: 'my wallet & more' }));
  await rec.call('transfer', () => spot.submitUniversalTransfer({ type: 'MAIN_UMFUTURE', asset: 'USDT', amount: 1 }));
  const futures = new USDMClient(given);
  await rec.call('futures order', () => futures.submitNewOrder({ symbol: 'BTCUSDT', side: 'SELL', type: 'LIMIT', timeInForce: 'GTX', quantity: 1, price: 1, reduceOnly: 'true' }));
  await rec.call('futures batch', () => futures.submitMultipleOrders([{ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '1', price: '1' },
    { symbol: 'ETHUSDT', side: 'SELL', type: 'MARKET', quantity: '2' }]));
  await rec.call('futures cancel batch', () => futures.cancelMultipleOrders({ symbol: 'BTCUSDT', orderIdList: [1, 2] }));
}

async function stream(scheme, api_secret, keys) {
  rec.as({ exchange: 'binance', scheme, client, clientVersion, keys: { apiKey: 'dummy-key', ...keys } });
  const ws = new WebsocketAPIClient({ api_key: 'dummy-key', api_secret, beautify: false }, { trace() {}, info() {}, error() {} });
  const order = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price: 20000, timestamp: Date.now() };
  await rec.call('order', () => ws.submitNewSpotOrder(order, 'mainWSAPI'), { patience: 1500 });
  ws.getWSClient().closeAll(true);
}

(async () => {
  await rec.start({ answer: () => ({ serverTime: Date.now() }),
    onMessage: (text) => ({ id: JSON.parse(text).id, status: 200, result: { apiKey: 'dummy-key', authorizedSince: Date.now(), connectedSince: Date.now() } }) });
  const rsa = pair('rsa', { modulusLength: 2048 });
  const ed = pair('ed25519');
  await rest('hmac', secret, { secret });
  await rest('rsa', rsa.secret, { publicKeyPem: rsa.publicKeyPem });
  await rest('ed25519', ed.secret, { publicKeyPem: ed.publicKeyPem });
  await stream('hmac', secret, { secret });
  await stream('rsa', rsa.secret, { publicKeyPem: rsa.publicKeyPem });
  await stream('ed25519', ed.secret, { publicKeyPem: ed.publicKeyPem });
  rec.save('binance');
})();
