// More requests of ccxt than ccxt-rest.json holds, for BitMEX (dropped from later
// versions of ccxt), Deribit, Crypto.com, Hyperliquid and Backpack.
'use strict';
const crypto = require('crypto');
const rec = require('../recorder.cjs');
const ccxt = require('ccxt');
const old = require('ccxt-with-bitmex');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({
    ignore: (url) => url === '/info',
    answer: (r) => (r.host === 'api.crypto.com' ? { code: 0, result: {} } : r.url === '/exchange' ? { status: 'ok', response: { type: 'default' } } : {}),
    onMessage: (m) => {
      const q = JSON.parse(m);
      if (q.jsonrpc) return { jsonrpc: '2.0', id: q.id, result: { access_token: 'a', refresh_token: 'r', expires_in: 900 } };
      if (q.method === 'post') return { channel: 'post', data: { id: q.id, response: { type: 'action', payload: { status: 'ok', response: { type: 'order', data: { statuses: [{ resting: { oid: 7 } }] } } } } } };
      return { id: q.id, method: q.method, code: 0, result: {} };
    },
  });
  const use = (lib, name, exchange, scheme, keys, options) => {
    rec.as({ exchange, scheme, client: 'ccxt', clientVersion: rec.version(name), keys });
    return new lib({ apiKey: keys.apiKey, secret: keys.secret, ...options });
  };

  const bitmex = use(old.bitmex, 'ccxt-with-bitmex', 'bitmex', 'hmac', { apiKey: 'dummykey', secret });
  await rec.call('orders(filter)', () => bitmex.privateGetOrder({ symbol: 'XBTUSD', filter: '{"open": true}', text: 'é +&' }));
  await rec.call('amend', () => bitmex.privatePutOrder({ origClOrdID: 'mm_a/b+c=', orderQty: 10, price: 20001 }));
  await rec.call('cancel several', () => bitmex.privateDeleteOrder({ clOrdID: ['a', 'b'] }));
  await rec.call('cancel all', () => bitmex.privateDeleteOrderAll({ symbol: 'XBTUSD' }));
  await rec.call('withdraw', () => bitmex.privatePostUserRequestWithdrawal({ currency: 'XBt', network: 'btc', amount: 1000, address: 'bc1q é' }));
  await rec.call('leverage', () => bitmex.privatePostPositionLeverage({ symbol: 'XBTUSD', leverage: 5 }));

  const deribit = use(ccxt.deribit, 'ccxt', 'deribit', 'hmac', { apiKey: 'dummyid', secret });
  await rec.call('sell market', () => deribit.privateGetSell({ instrument_name: 'ETH-PERPETUAL', amount: 1, type: 'market', label: 'é +&=' }));
  await rec.call('edit', () => deribit.privateGetEdit({ order_id: 'ETH-1', amount: 2, price: 1500.5 }));
  await rec.call('cancel', () => deribit.privateGetCancel({ order_id: 'ETH-1' }));
  await rec.call('cancel all', () => deribit.privateGetCancelAllByCurrency({ currency: 'BTC' }));
  await rec.call('withdraw', () => deribit.privateGetWithdraw({ currency: 'BTC', address: 'bc1q', amount: 0.5 }));
  await rec.call('transfer', () => deribit.privateGetSubmitTransferToSubaccount({ currency: 'BTC', amount: 0.5, destination: 12 }));
  await rec.call('create key', () => deribit.privateGetCreateApiKey({ max_scope: 'trade:read_write account:read', name: 'n' }));

  const cryptocom = use(ccxt.cryptocom, 'ccxt', 'cryptocom', 'hmac', { apiKey: 'dummykey', secret });
  await rec.call('market', () => cryptocom.v1PrivatePostPrivateCreateOrder({ instrument_name: 'BTC_USDT', side: 'SELL', type: 'MARKET', quantity: 0.5, client_oid: 'é"\\ x' }));
  await rec.call('cancel', () => cryptocom.v1PrivatePostPrivateCancelOrder({ order_id: '19708564' }));
  await rec.call('cancel list', () => cryptocom.v1PrivatePostPrivateCancelOrderList({ contingency_type: 'LIST', order_list: [{ instrument_name: 'A', order_id: '1' }, { instrument_name: 'B', order_id: '2' }] }));
  await rec.call('amend', () => cryptocom.v1PrivatePostPrivateAmendOrder({ order_id: '1', new_price: '2', new_quantity: '3' }));
  await rec.call('withdraw', () => cryptocom.v1PrivatePostPrivateCreateWithdrawal({ currency: 'BTC', amount: '1', address: 'bc1q', client_wid: 'w' }));
  await rec.call('transfer', () => cryptocom.v1PrivatePostPrivateCreateSubaccountTransfer({ from: 'a', to: 'b', currency: 'CRO', amount: '1' }));

  const wallet = { walletAddress: '0x14791697260E4c9A71f18484C9f997B308e59325' };
  const hyper = use(ccxt.hyperliquid, 'ccxt', 'hyperliquid', 'eip712', wallet, { ...wallet, privateKey: '0x0123456789012345678901234567890123456789012345678901234567890123', options: { builderFee: false, refSet: true } });
  const market = { id: '0', baseId: 0, symbol: 'BTC/USDC:USDC', base: 'BTC', quote: 'USDC', settle: 'USDC', type: 'swap', swap: true, spot: false, contract: true, precision: { price: 0.1, amount: 0.00001 }, limits: {}, info: {} };
  hyper.setMarkets([market]);
  await rec.call('order', () => hyper.createOrder('BTC/USDC:USDC', 'limit', 'buy', 0.01, 20000, { postOnly: true, expiresAfter: Date.now() + 60000 }));
  await rec.call('edit', () => hyper.editOrder('77', 'BTC/USDC:USDC', 'limit', 'sell', 0.01, 20001));
  await rec.call('cancel(client id)', () => hyper.cancelOrder('', 'BTC/USDC:USDC', { clientOrderId: '0x000000000000000000000000000000ff' }));
  await rec.call('leverage', () => hyper.setLeverage(5, 'BTC/USDC:USDC', { marginMode: 'cross' }));
  await rec.call('spot transfer', () => hyper.transfer('USDC', 1, 'spot', 'swap'));

  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const edKeys = { apiKey: Buffer.from(jwk.x, 'base64url').toString('base64'), publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) };
  rec.as({ exchange: 'backpack', scheme: 'ed25519', client: 'ccxt', clientVersion: rec.version('ccxt'), keys: edKeys });
  const backpack = new ccxt.backpack({ apiKey: edKeys.apiKey, secret: Buffer.from(jwk.d, 'base64url').toString('base64') });
  await rec.call('batch', () => backpack.privatePostApiV1Orders([{ symbol: 'SOL_USDC', side: 'Bid', orderType: 'Limit', price: '100', quantity: '1', postOnly: true }, { symbol: 'BTC_USDC', side: 'Ask', orderType: 'Market', quantity: '2' }]));
  await rec.call('cancel', () => backpack.privateDeleteApiV1Order({ symbol: 'SOL_USDC', orderId: '28' }));
  await rec.call('cancel all', () => backpack.privateDeleteApiV1Orders({ symbol: 'SOL_USDC' }));
  await rec.call('fills(encoded)', () => backpack.privateGetWapiV1HistoryFills({ symbol: 'SOL_USDC', from: 1, note: 'a b/é' }));
  await rec.call('withdraw(encoded)', () => backpack.privatePostWapiV1CapitalWithdrawals({ address: '4x/ é', blockchain: 'Solana', quantity: '1', symbol: 'SOL' }));
  await rec.call('settings', () => backpack.privatePatchApiV1Account({ autoLend: true, leverageLimit: '5' }));

  rec.as({ exchange: 'deribit', scheme: 'hmac', client: 'ccxt.pro', clientVersion: rec.version('ccxt'), keys: { apiKey: 'dummyid', secret } });
  const pro = (name, o) => new ccxt.pro[name](o);
  await rec.call('watchOrders', async () => {
    const x = pro('deribit', { apiKey: 'dummyid', secret });
    x.setMarkets([]);
    await x.watchBalance();
  });
  rec.as({ exchange: 'cryptocom', scheme: 'hmac', client: 'ccxt.pro', clientVersion: rec.version('ccxt'), keys: { apiKey: 'dummykey', secret } });
  await rec.call('cancelAllOrdersWs', async () => {
    const x = pro('cryptocom', { apiKey: 'dummykey', secret });
    x.setMarkets([]);
    await x.cancelAllOrdersWs();
  });
  rec.as({ exchange: 'hyperliquid', scheme: 'eip712', client: 'ccxt.pro', clientVersion: rec.version('ccxt'), keys: wallet });
  await rec.call('createOrderWs', async () => {
    const x = pro('hyperliquid', { ...wallet, privateKey: '0x0123456789012345678901234567890123456789012345678901234567890123', options: { builderFee: false, refSet: true } });
    x.setMarkets([market]);
    await x.createOrderWs('BTC/USDC:USDC', 'limit', 'buy', 0.01, 20000);
  });
  rec.as({ exchange: 'backpack', scheme: 'ed25519', client: 'ccxt.pro', clientVersion: rec.version('ccxt'), keys: edKeys });
  await rec.call('watchOrders', async () => {
    const x = pro('backpack', { apiKey: edKeys.apiKey, secret: Buffer.from(jwk.d, 'base64url').toString('base64') });
    x.setMarkets([]);
    await x.watchOrders();
  }, { patience: 2500 });
  rec.save('ccxt-body-venues');
})();
