'use strict';
const rec = require('../recorder.cjs');
const Gate = require('gate-api');

const client = 'gate-api';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({});
  rec.as({ exchange: 'gate', scheme: 'hmac', client, clientVersion: rec.version(client), keys: { apiKey: 'dummykey', secret } });
  const c = new Gate.ApiClient();
  c.setApiKeySecret('dummykey', secret);
  const spot = new Gate.SpotApi(c);
  await rec.call('balance', () => spot.listSpotAccounts({ currency: 'BTC' }));
  const order = new Gate.Order();
  Object.assign(order, { text: 't-probe1', currencyPair: 'BTC_USDT', type: 'limit', account: 'spot', side: 'buy', amount: '0.01', price: '20000' });
  await rec.call('order limit', () => spot.createOrder(order, {}));
  await rec.call('batch', () => spot.createBatchOrders([order], {}));
  // Not beyond ASCII: this client decodes each byte of UTF-8 as a character of its own before it signs.
  await rec.call('orders odd', () => spot.listOrders('BTC_USDT', 'a b/c+d=', { page: 1 }));
  await rec.call('cancel', () => spot.cancelOrder('t-probe 1', 'BTC_USDT', {}));
  const transfer = new Gate.Transfer();
  Object.assign(transfer, { currency: 'BTC', from: 'spot', to: 'margin', amount: '1', currencyPair: 'BTC_USDT' });
  await rec.call('transfer', () => new Gate.WalletApi(c).transfer(transfer));
  const withdrawal = new Gate.LedgerRecord();
  Object.assign(withdrawal, { currency: 'BTC', address: 'bc1qdummy é', amount: '1', chain: 'BTC' });
  await rec.call('withdraw', () => new Gate.WithdrawalApi(c).withdraw(withdrawal));
  const future = new Gate.FuturesOrder();
  Object.assign(future, { contract: 'BTC_USDT', size: -5, price: '0', tif: 'ioc', text: 't-x' });
  await rec.call('futures order', () => new Gate.FuturesApi(c).createFuturesOrder('usdt', future, {}));
  rec.save(client);
})();
