'use strict';
const rec = require('../recorder.cjs');
const { CBAdvancedTradeClient, CBAppClient, CBExchangeClient, CBInternationalClient, CBPrimeClient, WebsocketClient } = require('coinbase-api');

const secret = 'ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wISE=';
const uuid = '11111111-2222-4333-8444-555555555555';
const version = rec.version('coinbase-api');
const client = 'coinbase-api';

async function advanced(scheme, apiKey, apiSecret, publicKeyPem) {
  rec.as({ exchange: 'coinbase', scheme, client, clientVersion: version, keys: { apiKey, publicKeyPem } });
  const c = new CBAdvancedTradeClient({ apiKey, apiSecret });
  await rec.call('balance', () => c.getAccounts({ limit: 49 }));
  await rec.call('order limit', () => c.submitOrder({ product_id: 'BTC-USD', side: 'BUY', client_order_id: 'cbnode_1',
    order_configuration: { limit_limit_gtd: { base_size: '0.01', limit_price: '20000', post_only: true, end_time: '2030-01-01T00:00:00Z' } } }));
  await rec.call('cancel', () => c.cancelOrders({ order_ids: ['a', 'b'] }));
  await rec.call('orders', () => c.getOrders({ product_ids: ['BTC-USD', 'ETH-USD'], order_status: ['OPEN'] }));
  await rec.call('delete', () => c.deletePortfolio({ portfolio_uuid: uuid }));
  const app = new CBAppClient({ apiKey, apiSecret });
  await rec.call('send', () => app.sendMoney({ account_id: uuid, type: 'send', to: '1BoatSLRHtKNngkdXEeobR76b53LETtpyT', amount: '0.1', currency: 'BTC' }));
  await stream('user', new WebsocketClient({ apiKey, apiSecret }), [{ topic: 'user', payload: { product_ids: ['BTC-USD'] } }], 'advTradeUserData');
}

async function stream(name, ws, topics, key) {
  ws.on('exception', () => {});
  await rec.call(name, async () => {
    ws.subscribe(topics, key);
    await rec.sleep(900);
  });
  ws.closeAll(true);
}

(async () => {
  await rec.start({});
  const ec = rec.ecKey();
  const ed = rec.edKey();
  await advanced('jwt-es256', 'organizations/0/apiKeys/' + uuid, ec.sec1, ec.publicKeyPem);
  await advanced('jwt-eddsa', uuid, ed.base64, ed.publicKeyPem);

  const keys = { apiKey: 'dummykey', secret, passphrase: 'pp' };
  const given = { apiKey: 'dummykey', apiSecret: secret, apiPassphrase: 'pp' };
  rec.as({ exchange: 'coinbaseexchange', scheme: 'hmac', client, clientVersion: version, keys });
  const ex = new CBExchangeClient(given);
  await rec.call('balance', () => ex.getAccounts());
  await rec.call('order limit', () => ex.submitOrder({ product_id: 'BTC-USD', side: 'buy', type: 'limit', price: '20000', size: '0.01', client_oid: uuid }));
  await rec.call('order market', () => ex.submitOrder({ product_id: 'BTC-USD', side: 'sell', type: 'market', funds: '10' }));
  await rec.call('orders', () => ex.getOrders({ product_id: 'BTC-USD', status: ['open', 'pending'], limit: 5, sorting: 'desc' }));
  await rec.call('cancel', () => ex.cancelOrder({ order_id: uuid, product_id: 'BTC-USD' }));
  await rec.call('cancel all', () => ex.cancelAllOrders({ product_id: 'BTC-USD' }));
  await rec.call('withdraw', () => ex.withdrawToCryptoAddress({ amount: 0.1, currency: 'BTC', crypto_address: 'bc1q a/b+c', destination_tag: 'é' }));
  await rec.call('transfer', () => ex.transferFundsBetweenProfiles({ from: uuid, to: 'x', currency: 'USD', amount: '1' }));
  await stream('direct', new WebsocketClient(given), [{ topic: 'user', payload: { product_ids: ['BTC-USD'] } }, { topic: 'level3', payload: { product_ids: ['BTC-USD'] } }],
    'exchangeDirectMarketData');

  rec.as({ exchange: 'coinbaseinternational', scheme: 'hmac', client, clientVersion: version, keys });
  const intx = new CBInternationalClient(given);
  await rec.call('balance', () => intx.getPortfolioBalances({ portfolio: 'p1' }));
  await rec.call('order', () => intx.submitOrder({ client_order_id: 'cbnode_1', side: 'BUY', size: '1', tif: 'GTC', instrument: 'BTC-PERP', type: 'LIMIT', price: '20000', portfolio: 'p1' }));
  await rec.call('amend', () => intx.updateOpenOrder({ id: 'o1', client_order_id: 'cbnode_1', portfolio: 'p1', price: '20001', size: '2' }));
  await rec.call('cancel', () => intx.cancelOrder({ id: 'o1', portfolio: 'p1' }));
  await rec.call('cancel all', () => intx.cancelOrders({ portfolio: 'p1', instrument: 'BTC-PERP' }));
  await rec.call('withdraw', () => intx.withdrawToCryptoAddress({ portfolio: 'p1', asset: 'BTC', amount: '0.1', address: '1Boat', add_network_fee_to_total: true, network_arn_id: 'n', nonce: 1 }));
  await rec.call('orders', () => intx.getOpenOrders({ portfolio: 'p1', instrument: 'BTC PERP/é' }));
  await stream('levels', new WebsocketClient(given), [{ topic: 'LEVEL1', payload: { product_ids: ['BTC-PERP'] } }], 'internationalMarketData');

  // The WebSocket of Prime is left out: this client sends its secret for its key and
  // signs with another reading of it than REST, so that no venue could accept it.
  rec.as({ exchange: 'coinbaseprime', scheme: 'hmac', client, clientVersion: version, keys });
  const prime = new CBPrimeClient(given);
  await rec.call('portfolios', () => prime.getPortfolios());
  await rec.call('order', () => prime.submitOrder({ portfolio_id: uuid, product_id: 'BTC-USD', side: 'BUY', client_order_id: 'cbnode_1', type: 'LIMIT',
    base_quantity: '0.01', limit_price: '20000', time_in_force: 'GOOD_UNTIL_CANCELLED' }));
  await rec.call('orders', () => prime.getOpenOrders({ portfolio_id: uuid, product_ids: ['BTC-USD', 'ETH-USD'] }));
  await rec.call('cancel', () => prime.cancelOrder({ portfolio_id: uuid, order_id: 'o1' }));
  await rec.call('withdraw', () => prime.createWithdrawal({ portfolio_id: uuid, wallet_id: 'w1', amount: '0.1', destination_type: 'DESTINATION_BLOCKCHAIN', idempotency_key: uuid,
    currency_symbol: 'BTC', blockchain_address: { address: '1Boat', account_identifier: 'é' } }));
  await rec.call('transfer', () => prime.createTransfer({ portfolio_id: uuid, wallet_id: 'w1', amount: '0.1', destination: 'w2', idempotency_key: uuid, currency_symbol: 'BTC' }));
  rec.save('coinbase-api');
})();
