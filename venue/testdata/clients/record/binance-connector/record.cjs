'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const { Spot, WebsocketAPI, PrivateKeyAlgo } = require('@binance/connector');

const client = '@binance/connector';
const clientVersion = rec.version(client);
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const quiet = { log() {}, info() {}, warn() {}, error() {}, debug() {} };

async function all(scheme, apiSecret, options, keys) {
  rec.as({ exchange: 'binance', scheme, client, clientVersion, keys: { apiKey: 'dummy-key', ...keys } });
  const c = new Spot('dummy-key', apiSecret, options);
  await rec.call('balance', () => c.account());
  await rec.call('order limit', () => c.newOrder('BTCUSDT', 'BUY', 'LIMIT', { timeInForce: 'GTC', quantity: 0.01, price: 20000 }));
  await rec.call('order market', () => c.newOrder('BTCUSDT', 'SELL', 'MARKET', { quoteOrderQty: 10 }));
  await rec.call('cancel', () => c.cancelOrder('BTCUSDT', { origClientOrderId: 'a b/c+d=é' }));
  await rec.call('withdraw', () => c.withdraw('BTC', 'bc1qdummy', 0.1, { name: 'my wallet' }));
  await rec.call('transfer', () => c.userUniversalTransfer('MAIN_UMFUTURE', 'USDT', 1));
  await rec.call('listenKey (no signature)', () => c.createListenKey());
  if (scheme !== 'hmac') return; // its WebSocket knows no private keys and signs with an empty secret
  await rec.call('order', async () => {
    const ws = new WebsocketAPI('dummy-key', apiSecret, { logger: quiet, ...options,
      callbacks: { open: (w) => w.newOrder('BTCUSDT', 'BUY', 'LIMIT', { timeInForce: 'GTC', quantity: 0.01, price: 20000 }) } });
    await rec.sleep(1200);
    ws.disconnect();
  });
}

(async () => {
  await rec.start({ onMessage: (text) => ({ id: JSON.parse(text).id, status: 200, result: {} }) });
  await all('hmac', secret, {}, { secret });
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');
  await all('ed25519', '', { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }), privateKeyAlgo: PrivateKeyAlgo.ED25519 },
    { publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) });
  const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  await all('rsa', '', { privateKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), privateKeyAlgo: PrivateKeyAlgo.RSA },
    { publicKeyPem: rsa.publicKey.export({ type: 'spki', format: 'pem' }) });
  rec.save('binance-connector');
})();
