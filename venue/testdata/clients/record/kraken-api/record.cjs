'use strict';
const rec = require('../recorder.cjs');
const Kraken = require('kraken-api');

const secret = 'ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS1hYmNkZWZnaGlqa2xtbm9wISE=';

(async () => {
  await rec.start({ answer: () => ({ error: [], result: {} }) });
  const c = new Kraken('dummy-key', secret);
  rec.as({ exchange: 'kraken', scheme: 'hmac', client: 'kraken-api', clientVersion: rec.version('kraken-api'), keys: { apiKey: 'dummy-key', secret } });
  await rec.call('balance', () => c.api('Balance'));
  await rec.call('order', () => c.api('AddOrder', { pair: 'XXBTZUSD', type: 'buy', ordertype: 'limit', price: 20000, volume: 0.01, oflags: 'post,fciq' }));
  await rec.call('order nested', () => c.api('AddOrder', { pair: 'XXBTZUSD', type: 'sell', ordertype: 'stop-loss-limit', price: '19000', price2: '#0.5%', volume: 1,
    close: { ordertype: 'take-profit', price: '+1%' }, cl_ord_id: 'a b/c+d&é' }));
  await rec.call('cancel', () => c.api('CancelOrder', { txid: 'OAAAAA-BBBBB-CCCCCC' }));
  await rec.call('withdraw', () => c.api('Withdraw', { asset: 'XBT', key: 'my wallet', amount: '0.1' }));
  await rec.call('token', () => c.api('GetWebSocketsToken'));
  rec.save('kraken-api');
})();
