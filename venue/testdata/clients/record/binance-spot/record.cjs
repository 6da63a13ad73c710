'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const { Spot } = require('@binance/spot');
const { Wallet } = require('@binance/wallet');

const client = '@binance/spot';
const clientVersion = rec.version(client);
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

async function all(scheme, given, keys) {
  rec.as({ exchange: 'binance', scheme, client, clientVersion, keys: { apiKey: 'dummy-key', ...keys } });
  const c = new Spot({ configurationRestAPI: { apiKey: 'dummy-key', ...given } }).restAPI;
  await rec.call('balance', () => c.getAccount({ omitZeroBalances: true }));
  await rec.call('order limit', () => c.newOrder({ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price: 20000 }));
  await rec.call('order market', () => c.newOrder({ symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quoteOrderQty: 10 }));
  await rec.call('cancel', () => c.deleteOrder({ symbol: 'BTCUSDT', origClientOrderId: 'a b/c+d=é' }));
  await rec.call('replace', () => c.orderCancelReplace({ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', cancelReplaceMode: 'STOP_ON_FAILURE', cancelOrderId: 1, quantity: 1, price: 2, timeInForce: 'GTC' }));
  rec.as({ exchange: 'binance', scheme, client: '@binance/wallet', clientVersion: rec.version('@binance/wallet'), keys: { apiKey: 'dummy-key', ...keys } });
  const w = new Wallet({ configurationRestAPI: { apiKey: 'dummy-key', ...given } }).restAPI;
  await rec.call('withdraw', () => w.withdraw({ coin: 'BTC', address: 'bc1qdummy', amount: 0.1, name: 'my wallet' }));
  await rec.call('transfer', () => w.userUniversalTransfer({ type: 'MAIN_UMFUTURE', asset: 'USDT', amount: 1 }));
  rec.as({ exchange: 'binance', scheme, client, clientVersion, keys: { apiKey: 'dummy-key', ...keys } });
  const s = new Spot({ configurationWebsocketAPI: { apiKey: 'dummy-key', ...given } });
  await rec.call('order', async () => {
    const ws = await s.websocketAPI.connect();
    await ws.orderPlace({ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.01, price: 20000 });
    await ws.disconnect();
  });
}

(async () => {
  await rec.start({ onMessage: (text) => ({ id: JSON.parse(text).id, status: 200, result: {} }) });
  await all('hmac', { apiSecret: secret }, { secret });
  for (const scheme of ['rsa', 'ed25519']) {
    const { privateKey, publicKey } = crypto.generateKeyPairSync(scheme, scheme === 'rsa' ? { modulusLength: 2048 } : {});
    await all(scheme, { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) }, { publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) });
  }
  rec.save('binance-spot');
})();
