// More requests of ccxt than ccxt-rest.json holds, for Kraken, Kraken Futures,
// Coinbase International, Bitfinex and Gemini.
'use strict';
const rec = require('../recorder.cjs');
const ccxt = require('ccxt');

const secret64 = 'ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wISE=';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({});
  const use = (exchange, keys) => {
    rec.as({ exchange, scheme: 'hmac', client: 'ccxt', clientVersion: rec.version('ccxt'), keys });
    return new ccxt[exchange]({ apiKey: keys.apiKey, secret: keys.secret, password: keys.passphrase });
  };

  const kraken = use('kraken', { apiKey: 'dummy-key', secret: secret64 });
  await rec.call('cancel batch(json)', () => kraken.privatePostCancelOrderBatch({ orders: ['OAAAAA-BBBBB-CCCCCC', 'ODDDDD-EEEEE-FFFFFF'] }));
  await rec.call('amend', () => kraken.privatePostAmendOrder({ txid: 'OAAAAA-BBBBB-CCCCCC', limit_price: '20001', order_qty: '0.02' }));
  await rec.call('trigger percent(json)', () => kraken.privatePostAddOrder({ pair: 'XBTUSD', type: 'sell', ordertype: 'trailing-stop', price: '+5%', volume: '1' }));
  await rec.call('transfer', () => kraken.privatePostWalletTransfer({ asset: 'XBT', from: 'Spot Wallet', to: 'Futures Wallet', amount: '1' }));

  const futures = use('krakenfutures', { apiKey: 'dummy-key', secret: secret64 });
  await rec.call('cancel', () => futures.privatePostCancelorder({ order_id: '5c1f-é/+ x' }));
  await rec.call('amend', () => futures.privatePostEditorder({ orderId: 'o1', size: 2, limitPrice: 20001 }));
  await rec.call('cancel all', () => futures.privatePostCancelallorders({ symbol: 'PF_XBTUSD' }));
  await rec.call('transfer', () => futures.privatePostTransfer({ fromAccount: 'cash', toAccount: 'flex', unit: 'xbt', amount: 1 }));
  await rec.call('status', () => futures.privateGetOrdersStatus({ orderIds: ['o1', 'o2'] }));
  await rec.call('history', () => futures.historyGetExecutions({ count: 5 }));
  await rec.call('leverage', () => futures.privatePutLeveragepreferences({ symbol: 'PF_XBTUSD', maxLeverage: 3 }));

  const exchange = use('coinbaseinternational', { apiKey: 'dummykey', secret: secret64, passphrase: 'pp' });
  await rec.call('balance', () => exchange.v1PrivateGetPortfoliosPortfolioBalances({ portfolio: 'p1' }));
  await rec.call('order', () => exchange.v1PrivatePostOrders({ portfolio: 'p1', instrument: 'BTC-PERP', side: 'BUY', type: 'LIMIT', tif: 'GTC', size: '1', price: '20000', client_order_id: 'x' }));
  await rec.call('orders', () => exchange.v1PrivateGetOrders({ portfolio: 'p1', instrument: 'BTC-PERP' }));

  const bitfinex = use('bitfinex', { apiKey: 'dummykey', secret });
  await rec.call('cancel', () => bitfinex.privatePostAuthWOrderCancel({ id: 77 }));
  await rec.call('batch', () => bitfinex.privatePostAuthWOrderMulti({ ops: [['on', { type: 'EXCHANGE IOC', symbol: 'tBTCUSD', amount: '-1', price: '1', cid: 5 }], ['oc', { id: 77 }]] }));
  await rec.call('withdraw', () => bitfinex.privatePostAuthWWithdraw({ wallet: 'exchange', method: 'bitcoin', amount: '0.1', address: '1Boat é/+' }));
  await rec.call('orders', () => bitfinex.privatePostAuthROrdersSymbolHist({ symbol: 'tBTCUSD', limit: 5 }));

  const gemini = use('gemini', { apiKey: 'account-dummykey', secret });
  await rec.call('cancel', () => gemini.privatePostV1OrderCancel({ order_id: 106817811 }));
  await rec.call('withdraw', () => gemini.privatePostV1WithdrawCurrency({ currency: 'btc', address: '1Boat é/+', amount: '0.1' }));
  await rec.call('transfer', () => gemini.privatePostV1AccountTransferCurrency({ currency: 'btc', sourceAccount: 'primary', targetAccount: 'other', amount: '1' }));
  rec.save('ccxt-nonce-venues');
})();
