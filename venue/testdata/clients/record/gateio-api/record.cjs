'use strict';
const rec = require('../recorder.cjs');
const { RestClient, WebsocketAPIClient, WebsocketClient } = require('gateio-api');

const client = 'gateio-api';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const given = { apiKey: 'dummykey', apiSecret: secret };
const quiet = { trace() {}, info() {}, error() {} };

(async () => {
  await rec.start({ onMessage: (text) => {
    const m = JSON.parse(text);
    if (m.event === 'api') {
      return { request_id: m.payload.req_id, ack: false, header: { response_time: '1', status: '200', channel: m.channel, event: 'api', client_id: 'c' },
        data: { result: { id: '1', status: 'open', uid: '1' } } };
    }
    return { time: m.time, id: m.id, channel: m.channel, event: m.event, result: { status: 'success' } };
  } });
  rec.as({ exchange: 'gate', scheme: 'hmac', client, clientVersion: rec.version(client), keys: { apiKey: 'dummykey', secret } });
  const c = new RestClient(given);
  await rec.call('balance', () => c.getSpotAccounts({ currency: 'BTC' }));
  await rec.call('order limit', () => c.submitSpotOrder({ text: 't-probe1', currency_pair: 'BTC_USDT', type: 'limit', account: 'spot', side: 'buy', amount: '0.01', price: '20000' }));
  await rec.call('batch', () => c.submitSpotBatchOrders([{ text: 't-1', currency_pair: 'BTC_USDT', type: 'limit', side: 'buy', amount: '1', price: '1' },
    { text: 't-2', currency_pair: 'ETH_USDT', type: 'market', side: 'sell', amount: '2' }]));
  await rec.call('amend', () => c.updateSpotOrder({ order_id: '7', currency_pair: 'BTC_USDT', price: '2' }));
  await rec.call('cancel', () => c.cancelSpotOrder({ order_id: '7', currency_pair: 'BTC_USDT' }));
  await rec.call('cancel all', () => c.cancelSpotOpenOrders({ currency_pair: 'BTC_USDT' }));
  await rec.call('orders odd', () => c.getSpotOrders({ currency_pair: 'BTC_USDT', status: 'a b/c,d:é' }));
  await rec.call('withdraw', () => c.submitWithdrawal({ currency: 'BTC', address: 'bc1qdummy é', amount: '1', chain: 'BTC' }));
  await rec.call('transfer', () => c.submitTransfer({ currency: 'BTC', from: 'spot', to: 'margin', amount: '1', currency_pair: 'BTC_USDT' }));
  await rec.call('futures order', () => c.submitFuturesOrder({ settle: 'usdt', contract: 'BTC_USDT', size: -5, price: '0', tif: 'ioc', text: 't-x' }));
  await rec.call('futures leverage', () => c.updateFuturesLeverage({ settle: 'usdt', contract: 'BTC_USDT', leverage: '5' }));
  const ws = new WebsocketClient(given, quiet);
  ws.on('exception', () => {});
  await rec.call('subscribe', async () => {
    ws.subscribe([{ topic: 'spot.balances' }, { topic: 'spot.orders', payload: ['BTC_USDT'] }], 'spotV4');
    await rec.sleep(1500);
  });
  ws.closeAll(true);
  const api = new WebsocketAPIClient(given, quiet);
  await rec.call('login and order', () => api.submitNewSpotOrder({ text: 't-1', currency_pair: 'BTC_USDT', type: 'limit', side: 'buy', amount: '1', price: '1' }), { patience: 2500 });
  await rec.call('login and futures order', () => api.submitNewFuturesOrder({ contract: 'BTC_USDT', size: 1, price: '1' }), { patience: 2500 });
  api.getWSClient().closeAll(true);
  rec.save(client);
})();
