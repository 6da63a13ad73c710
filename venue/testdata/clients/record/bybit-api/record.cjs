'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const { RestClientV5, WebsocketAPIClient, WebsocketClient } = require('bybit-api');

const client = 'bybit-api';
const clientVersion = rec.version(client);
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const quiet = { trace() {}, info() {}, error() {} };

async function all(scheme, apiSecret, keys) {
  rec.as({ exchange: 'bybit', scheme, client, clientVersion, keys: { apiKey: 'dummykey', ...keys } });
  const c = new RestClientV5({ key: 'dummykey', secret: apiSecret });
  await rec.call('balance', () => c.getWalletBalance({ accountType: 'UNIFIED', coin: 'BTC,ETH' }));
  await rec.call('order limit', () => c.submitOrder({ category: 'spot', symbol: 'BTCUSDT', side: 'Buy', orderType: 'Limit', qty: '0.01', price: '20000', orderLinkId: 'probe-1' }));
  await rec.call('order market', () => c.submitOrder({ category: 'linear', symbol: 'BTCUSDT', side: 'Sell', orderType: 'Market', qty: '1', reduceOnly: true }));
  await rec.call('batch', () => c.batchSubmitOrders('linear', [{ symbol: 'BTCUSDT', side: 'Buy', orderType: 'Limit', qty: '1', price: '1' },
    { symbol: 'ETHUSDT', side: 'Sell', orderType: 'Market', qty: '2' }]));
  await rec.call('cancel', () => c.cancelOrder({ category: 'linear', symbol: 'BTCUSDT', orderLinkId: 'a b/c+é' }));
  await rec.call('orders odd', () => c.getActiveOrders({ category: 'linear', symbol: 'BTCUSDT', orderLinkId: 'a b/c+d&é=', cursor: 'x%3A1,y' }));
  await rec.call('withdraw', () => c.submitWithdrawal({ coin: 'BTC', chain: 'BTC', address: 'bc1qdummy', amount: '1', timestamp: 1, forceChain: 1, accountType: 'FUND' }));
  await rec.call('transfer', () => c.createUniversalTransfer({ transferId: 't1', coin: 'USDT', amount: '1', fromMemberId: 1, toMemberId: 2, fromAccountType: 'UNIFIED', toAccountType: 'FUND' }));
  const given = { key: 'dummykey', secret: apiSecret };
  const ws = new WebsocketClient({ ...given, market: 'v5' }, quiet);
  ws.on('exception', () => {});
  await rec.call('auth and subscribe', async () => {
    ws.subscribeV5(['order', 'wallet'], 'linear');
    await rec.sleep(1500);
  });
  ws.closeAll(true);
  const api = new WebsocketAPIClient(given, quiet);
  await rec.call('auth and order', () => api.submitNewOrder({ category: 'linear', symbol: 'BTCUSDT', side: 'Buy', orderType: 'Limit', qty: '1', price: '1' }), { patience: 2500 });
  api.getWSClient().closeAll(true);
}

(async () => {
  await rec.start({ answer: () => ({ retCode: 0, retMsg: 'OK', result: {}, time: Date.now() }),
    onMessage: (text, url) => {
      const m = JSON.parse(text);
      if (/trade/.test(url)) return { reqId: m.reqId, retCode: 0, retMsg: 'OK', op: m.op, connId: 'c', data: {} };
      return { success: true, ret_msg: '', conn_id: 'c', req_id: m.req_id, op: m.op };
    } });
  await all('hmac', secret, { secret });
  const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  await all('rsa', privateKey.export({ type: 'pkcs8', format: 'pem' }), { publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) });
  rec.save(client);
})();
