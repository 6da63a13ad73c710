'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const { RestClientV2, RestClientV3, WebsocketAPIClient, WebsocketClientV2 } = require('bitget-api');

const client = 'bitget-api';
const clientVersion = rec.version(client);
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const quiet = { trace() {}, info() {}, error() {} };

async function all(scheme, apiSecret, keys) {
  rec.as({ exchange: 'bitget', scheme, client, clientVersion, keys: { apiKey: 'dummykey', passphrase: 'pp', ...keys } });
  const given = { apiKey: 'dummykey', apiSecret, apiPass: 'pp' };
  const v2 = new RestClientV2(given);
  await rec.call('balance', () => v2.getSpotAccountAssets({ assetType: 'hold_only', coin: 'BTC' }));
  await rec.call('order limit', () => v2.spotSubmitOrder({ symbol: 'BTCUSDT', side: 'buy', orderType: 'limit', force: 'gtc', price: '20000', size: '0.01' }));
  await rec.call('batch', () => v2.spotBatchSubmitOrders({ symbol: 'BTCUSDT', orderList: [{ side: 'buy', orderType: 'limit', force: 'gtc', price: '1', size: '1' },
    { side: 'sell', orderType: 'market', size: '2' }] }));
  await rec.call('cancel', () => v2.spotCancelOrder({ symbol: 'BTCUSDT', clientOid: 'a b/c+é' }));
  await rec.call('order odd', () => v2.getSpotOrder({ clientOid: '币 a/b+c&é' }));
  await rec.call('withdraw', () => v2.spotWithdraw({ coin: 'USDT', transferType: 'on_chain', address: 'TBQ', chain: 'trc20', size: '10' }));
  await rec.call('transfer', () => v2.spotTransfer({ fromType: 'spot', toType: 'usdt_futures', amount: '1', coin: 'USDT' }));
  const v3 = new RestClientV3(given);
  await rec.call('unified order', () => v3.submitNewOrder({ category: 'USDT-FUTURES', symbol: 'BTCUSDT', qty: '1', side: 'buy', orderType: 'market' }));
  await rec.call('unified batch', () => v3.placeBatchOrders([{ category: 'SPOT', symbol: 'BTCUSDT', qty: '1', price: '1', side: 'buy', orderType: 'limit' }]));
  const ws = new WebsocketClientV2(given, quiet);
  ws.on('exception', () => {});
  await rec.call('login and subscribe', async () => {
    ws.subscribeTopic('SPOT', 'orders');
    await rec.sleep(1500);
  });
  ws.closeAll(true);
  const api = new WebsocketAPIClient(given, quiet);
  await rec.call('login and order', () => api.submitNewOrder('spot', { symbol: 'BTCUSDT', orderType: 'limit', qty: '1', price: '1', side: 'buy', timeInForce: 'gtc' }), { patience: 2500 });
  api.getWSClient().closeAll(true);
}

(async () => {
  await rec.start({ answer: () => ({ code: '00000', msg: 'success', data: {} }),
    onMessage: (text) => {
      if (text === 'ping') return undefined;
      const m = JSON.parse(text);
      if (m.op === 'login') return { event: 'login', code: 0 };
      if (m.op === 'subscribe') return { event: 'subscribe', arg: m.args[0] };
      return { event: 'trade', id: m.id, category: m.category, topic: m.topic, args: [{ orderId: '1' }], code: '0', msg: 'success', ts: String(Date.now()) };
    } });
  await all('hmac', secret, { secret });
  const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  await all('rsa', privateKey.export({ type: 'pkcs8', format: 'pem' }), { publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) });
  rec.save(client);
})();
