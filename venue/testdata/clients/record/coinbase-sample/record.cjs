'use strict';
const rec = require('../recorder.cjs');
const adv = require('@coinbase-sample/advanced-trade-sdk-ts/dist');
const prime = require('@coinbase-sample/prime-sdk-ts');

const uuid = '11111111-2222-4333-8444-555555555555';

async function advanced(scheme, apiKey, secret, publicKeyPem) {
  rec.as({ exchange: 'coinbase', scheme, client: '@coinbase-sample/advanced-trade-sdk-ts', clientVersion: rec.version('@coinbase-sample/advanced-trade-sdk-ts'),
    keys: { apiKey, publicKeyPem } });
  const client = new adv.CoinbaseAdvTradeClient(new adv.CoinbaseAdvTradeCredentials(apiKey, secret));
  await rec.call('balance', () => new adv.AccountsService(client).listAccounts({ limit: 49 }));
  const orders = new adv.OrdersService(client);
  await rec.call('order', () => orders.createOrder({ clientOrderId: 'probe1', productId: 'BTC-USD', side: 'BUY',
    orderConfiguration: { market_market_ioc: { quote_size: '10' } } }));
  await rec.call('cancel', () => orders.cancelOrders({ orderIds: ['a', 'b'] }));
  await rec.call('orders', () => orders.listOrders({ productIds: ['BTC-USD', 'ETH-USD'], limit: 5 }));
}

(async () => {
  await rec.start({});
  const ec = rec.ecKey();
  const ed = rec.edKey();
  await advanced('jwt-es256', 'organizations/0/apiKeys/' + uuid, ec.sec1, ec.publicKeyPem);
  await advanced('jwt-eddsa', uuid, ed.base64, ed.publicKeyPem);

  const keys = { apiKey: 'dummykey', secret: 'dummysecret0123456789', passphrase: 'pp' };
  rec.as({ exchange: 'coinbaseprime', scheme: 'hmac', client: '@coinbase-sample/prime-sdk-ts', clientVersion: rec.version('@coinbase-sample/prime-sdk-ts'), keys });
  const client = new prime.CoinbasePrimeClient(new prime.CoinbasePrimeCredentials(keys.apiKey, keys.secret, keys.passphrase));
  await rec.call('balance', () => new prime.BalancesService(client).listPortfolioBalances({ portfolioId: uuid, symbols: 'BTC' }));
  const orders = new prime.OrdersService(client);
  await rec.call('order', () => orders.createOrder({ portfolioId: uuid, productId: 'BTC-USD', side: 'BUY', clientOrderId: 'probe1', type: 'MARKET', quoteValue: '10' }));
  await rec.call('cancel', () => orders.cancelOrder({ portfolioId: uuid, orderId: 'o1' }));
  await rec.call('orders', () => orders.listPortfolioOrders({ portfolioId: uuid, productIds: ['BTC-USD', 'ETH-USD'], limit: 5 }));
  await rec.call('withdraw', () => new prime.TransactionsService(client).createWithdrawal({ portfolioId: uuid, walletId: 'w1', amount: '0.1',
    destinationType: 'DESTINATION_BLOCKCHAIN', idempotencyKey: uuid, currencySymbol: 'BTC', blockchainAddress: { address: '1Boat', accountIdentifier: 'é' } }));
  rec.save('coinbase-sample');
})();
