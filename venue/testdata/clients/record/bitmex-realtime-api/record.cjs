// The session of bitmex-realtime-api, which signs the upgrade's query.
'use strict';
const rec = require('../recorder.cjs');
const BitMEX = require('bitmex-realtime-api');

(async () => {
  await rec.start({ ignore: () => true, answer: () => ({ subscriptionSubjects: { authenticationRequired: ['order', 'margin'], public: ['trade'] } }) });
  const keys = { apiKey: 'dummykey', secret: 'dummysecret0123456789abcdefdummysecret0123456789abcdef' };
  rec.as({ exchange: 'bitmex', scheme: 'hmac', client: 'bitmex-realtime-api', clientVersion: rec.version('bitmex-realtime-api'), keys });
  await rec.call('signed upgrade', async () => {
    const client = new BitMEX({ apiKeyID: keys.apiKey, apiKeySecret: keys.secret });
    client.on('error', () => {});
    client.addStream('XBTUSD', 'order', () => {});
    client.addStream('XBTUSD', 'trade', () => {});
    await rec.sleep(2500);
  });
  rec.save('bitmex-realtime-api');
})();
