'use strict';
// What ccxt-rest.json lacks: endpoints by their own names, batches, other encodings.
const rec = require('../recorder.cjs');
const ccxt = require('ccxt');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const keys = { apiKey: 'dummykey', secret };
const clientVersion = ccxt.version;

function exchange(id, Class, more = {}) {
  const { keys: extra, ...options } = more;
  rec.as({ exchange: id, scheme: 'hmac', client: 'ccxt', clientVersion, keys: { ...keys, ...extra } });
  const given = { apiKey: 'dummykey', secret, ...options };
  if (extra && extra.passphrase) given.password = extra.passphrase;
  return new Class(given);
}

(async () => {
  await rec.start({ answer: () => ({ status: 'ok', code: '0', data: {} }) });

  const htx = exchange('htx', ccxt.htx);
  await rec.call('orders odd', () => htx.spotPrivateGetV1OrderOrders({ symbol: 'btcusdt', states: 'a b/c,d+é*~' }));
  await rec.call('batch', () => htx.spotPrivatePostV1OrderBatchOrders([{ 'account-id': '1', symbol: 'btcusdt', type: 'buy-limit', amount: '1', price: '1' }]));
  await rec.call('cancel', () => htx.spotPrivatePostV1OrderOrdersOrderIdSubmitcancel({ 'order-id': '5' }));
  await rec.call('withdraw', () => htx.spotPrivatePostV1DwWithdrawApiCreate({ address: '0xde', amount: '1', currency: 'eth' }));
  await rec.call('swap order', () => htx.contractPrivatePostSwapApiV1SwapOrder({ contract_code: 'BTC-USD', volume: 1, direction: 'buy', offset: 'open', lever_rate: 1, order_price_type: 'limit', price: 1 }));
  await rec.call('unified orders', () => htx.contractPrivateGetV5TradeOrderOpens({ contract_code: 'BTC-USDT' }));

  const mexc = exchange('mexc', ccxt.mexc);
  await rec.call('batch', () => mexc.spotPrivatePostBatchOrders({ batchOrders: JSON.stringify([{ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '1', price: '1' }]) }));
  await rec.call('withdraw', () => mexc.spotPrivatePostCapitalWithdraw({ coin: 'USDT', address: 'TBQ', amount: '10', netWork: 'TRX', remark: 'a b/é' }));
  await rec.call('contract orders', () => mexc.contractPrivateGetOrderListHistoryOrders({ symbol: 'BTC_USDT', states: '2,3', page_num: 1, page_size: 20 }));
  await rec.call('contract cancel', () => mexc.contractPrivatePostOrderCancel(['101', '102']));

  const kucoin = exchange('kucoin', ccxt.kucoin, { keys: { passphrase: 'pp' } });
  await rec.call('unified order', () => kucoin.utaPrivatePostAccountModeOrderPlace({ accountMode: 'unified', tradeType: 'SPOT', symbol: 'BTC-USDT', side: 'BUY', orderType: 'LIMIT', size: '1', price: '1' }));
  await rec.call('orders odd', () => kucoin.privateGetDeposits({ currency: 'a b/cé', status: 'SUCCESS' }));
  await rec.call('batch', () => kucoin.privatePostHfOrdersMulti({ orderList: [{ clientOid: '1', symbol: 'BTC-USDT', side: 'buy', type: 'limit', price: '1', size: '1' }] }));

  const bitget = exchange('bitget', ccxt.bitget, { keys: { passphrase: 'pp' } });
  await rec.call('batch', () => bitget.privateMixPostV2MixOrderBatchPlaceOrder({ symbol: 'BTCUSDT', productType: 'USDT-FUTURES', marginCoin: 'USDT', orderList: [{ size: '1', side: 'buy', orderType: 'market' }] }));
  await rec.call('withdraw', () => bitget.privateSpotPostV2SpotWalletWithdrawal({ coin: 'USDT', transferType: 'on_chain', address: 'TBQ', size: '10' }));

  const bybit = exchange('bybit', ccxt.bybit);
  // This client signs Bybit's query unescaped and sends it escaped, so that nothing that
  // needs escaping is here but the cursor, that comes escaped.
  await rec.call('orders odd', () => bybit.privateGetV5OrderRealtime({ category: 'linear', orderLinkId: 'a,b:c', cursor: 'x%3A1' }));
  await rec.call('batch', () => bybit.privatePostV5OrderCreateBatch({ category: 'linear', request: [{ symbol: 'BTCUSDT', side: 'Buy', orderType: 'Market', qty: '1' }] }));

  const okx = exchange('okx', ccxt.okx, { keys: { passphrase: 'pp' } });
  await rec.call('orders odd', () => okx.privateGetTradeOrder({ instId: 'BTC-USDT', clOrdId: 'a b/c+d&é' }));
  await rec.call('keys', () => okx.privatePostUsersSubaccountModifyApikey({ subAcct: 'mini', apiKey: 'k', perm: 'trade' }));
  rec.save('ccxt-more');
})();
