'use strict';
const rec = require('../recorder.cjs');
const API = require('kucoin-node-sdk');

const client = 'kucoin-node-sdk';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({ answer: () => ({ code: '200000', data: {} }) });
  rec.as({ exchange: 'kucoin', scheme: 'hmac', client, clientVersion: rec.version(client), keys: { apiKey: 'dummykey', secret, passphrase: 'pp' } });
  // Version 1 keys send the passphrase as it is; this client still has them.
  for (const authVersion of [1, 2]) {
    API.init({ baseUrl: 'https://openapi-v2.kucoin.com', apiAuth: { key: 'dummykey', secret, passphrase: 'pp' }, authVersion });
    const v = ' v' + authVersion;
    await rec.call('balance' + v, () => API.rest.User.Account.getAccountsList({ type: 'trade', currency: 'BTC' }));
    await rec.call('order' + v, () => API.rest.Trade.Orders.postOrder({ clientOid: 'probe1', side: 'buy', symbol: 'BTC-USDT', type: 'limit', remark: 'a b/é' }, { price: '20000', size: '0.01' }));
    await rec.call('orders' + v, () => API.rest.Trade.Orders.getOrdersList('TRADE', { symbol: 'BTC-USDT', status: 'active' }));
    await rec.call('cancel' + v, () => API.rest.Trade.Orders.cancelOrder('5bd6e9286d99522a52e458de'));
    await rec.call('withdraw' + v, () => API.rest.User.Withdrawals.applyWithdraw('USDT', 'TKF', 3, { chain: 'trc20' }));
  }
  rec.save(client);
})();
