'use strict';
const rec = require('../recorder.cjs');
const { RestClient, WebsocketAPIClient, WebsocketClient } = require('okx-api');

const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const apiKey = '11111111-2222-4333-8444-555555555555';
const given = { apiKey, apiSecret: secret, apiPass: 'Pass#1' };
const quiet = { trace() {}, info() {}, error() {} };

(async () => {
  await rec.start({ answer: () => ({ code: '0', msg: '', data: [{}] }),
    onMessage: (text) => {
      if (text === 'ping') return undefined;
      const m = JSON.parse(text);
      if (m.op === 'login') return { event: 'login', code: '0', msg: '', connId: 'a' };
      if (m.op === 'subscribe') return { event: 'subscribe', arg: m.args[0], connId: 'a' };
      return { id: m.id, op: m.op, code: '0', msg: '', data: [{ ordId: '1', sCode: '0' }] };
    } });
  rec.as({ exchange: 'okx', scheme: 'hmac', client: 'okx-api', clientVersion: rec.version('okx-api'), keys: { apiKey, secret, passphrase: 'Pass#1' } });
  const c = new RestClient(given);
  await rec.call('balance', () => c.getBalance({ ccy: 'BTC,ETH' }));
  await rec.call('order limit', () => c.submitOrder({ instId: 'BTC-USDT', tdMode: 'cash', side: 'buy', ordType: 'limit', px: '20000', sz: '0.01', clOrdId: 'probe1' }));
  await rec.call('order market', () => c.submitOrder({ instId: 'BTC-USDT', tdMode: 'cash', side: 'sell', ordType: 'market', sz: '0.01' }));
  await rec.call('batch', () => c.submitMultipleOrders([{ instId: 'BTC-USDT', tdMode: 'cash', side: 'buy', ordType: 'limit', px: '1', sz: '1' },
    { instId: 'ETH-USDT', tdMode: 'cash', side: 'sell', ordType: 'post_only', px: '2', sz: '3' }]));
  await rec.call('amend', () => c.amendOrder({ instId: 'BTC-USDT', ordId: '1', newSz: '2' }));
  await rec.call('cancel', () => c.cancelOrder({ instId: 'BTC-USDT', clOrdId: 'probe1' }));
  // This client signs the query as it was before escaping, so that what needs escaping
  // is left out here: it would sign another request than it sends.
  await rec.call('order odd', () => c.getOrderDetails({ instId: 'BTC-USDT', clOrdId: 'a,b:c' }));
  await rec.call('withdraw', () => c.submitWithdraw({ ccy: 'BTC', amt: '1', dest: '4', toAddr: 'bc1qdummy:é', chain: 'BTC-Bitcoin', fee: '0' }));
  await rec.call('transfer', () => c.fundsTransfer({ ccy: 'USDT', amt: '1', from: '6', to: '18' }));

  const accounts = { accounts: [given], ...given };
  const ws = new WebsocketClient(accounts, quiet);
  ws.on('exception', () => {});
  await rec.call('login and subscribe', async () => {
    ws.subscribe([{ channel: 'orders', instType: 'ANY' }, { channel: 'account' }]);
    await rec.sleep(1500);
  });
  ws.closeAll(true);
  const api = new WebsocketAPIClient(accounts, quiet);
  await rec.call('login and order', () => api.submitNewOrder({ instId: 'BTC-USDT', tdMode: 'cash', side: 'buy', ordType: 'limit', px: '1', sz: '1' }), { patience: 2500 });
  api.getWSClient().closeAll(true);
  rec.save('okx-api');
})();
