// Requests of the npm package hyperliquid.
'use strict';
const rec = require('../recorder.cjs');
const { Hyperliquid } = require('hyperliquid');

const key = '0x0123456789012345678901234567890123456789012345678901234567890123';
const other = '0x1719884eb866cb12b2287399b15f7db5e7d775ea';

(async () => {
  await rec.start({
    ignore: (url) => url === '/info',
    answer: (r) => {
      if (/metaAndAssetCtxs/.test(r.body) && !/spot/.test(r.body)) return [{ universe: [{ name: 'BTC', szDecimals: 5 }, { name: 'ETH', szDecimals: 4 }] }, []];
      if (/spotMetaAndAssetCtxs/.test(r.body)) return [{ tokens: [{ name: 'USDC', index: 0 }, { name: 'PURR', index: 1 }], universe: [{ name: 'PURR/USDC', tokens: [1, 0], index: 0 }] }, []];
      if (/"meta"/.test(r.body)) return { universe: [{ name: 'BTC', szDecimals: 5 }] };
      return { status: 'ok', response: { type: 'order', data: { statuses: [{ resting: { oid: 7 } }] } } };
    },
  });
  const keys = { walletAddress: '0x14791697260E4c9A71f18484C9f997B308e59325' };
  rec.as({ exchange: 'hyperliquid', scheme: 'eip712', client: 'hyperliquid', clientVersion: rec.version('hyperliquid'), keys });
  const log = console.log;
  console.log = () => {};
  const sdk = new Hyperliquid({ privateKey: key, enableWs: false, disableAssetMapRefresh: true });
  await sdk.connect();
  const x = sdk.exchange;
  await rec.call('order', () => x.placeOrder({ coin: 'BTC-PERP', is_buy: true, sz: 0.01, limit_px: 20000.5, order_type: { limit: { tif: 'Gtc' } }, reduce_only: false, cloid: '0x000000000000000000000000000000ff' }));
  await rec.call('order(trigger)', () => x.placeOrder({ coin: 'ETH-PERP', is_buy: false, sz: 1, limit_px: 1500, order_type: { trigger: { triggerPx: 1600, isMarket: true, tpsl: 'sl' } }, reduce_only: true }));
  await rec.call('cancel', () => x.cancelOrder({ coin: 'BTC-PERP', o: 123 }));
  await rec.call('cancelByCloid', () => x.cancelOrderByCloid('BTC-PERP', '0x000000000000000000000000000000ff'));
  await rec.call('modify', () => x.modifyOrder(123, { coin: 'BTC-PERP', is_buy: true, sz: 0.02, limit_px: 20001, order_type: { limit: { tif: 'Alo' } }, reduce_only: false }));
  await rec.call('leverage', () => x.updateLeverage('BTC-PERP', 'cross', 5));
  await rec.call('usdTransfer', () => x.usdTransfer(other, 1));
  await rec.call('spotTransfer', () => x.spotTransfer(other, 'PURR:0xc4bf3f870c0e9465323c0b6ed28096c2', '1'));
  await rec.call('withdraw', () => x.initiateWithdrawal(other, 5));
  await rec.call('class transfer', () => x.transferBetweenSpotAndPerp(1, true));
  await rec.call('approveAgent', () => x.approveAgent({ agentAddress: other, agentName: 'bot' }));
  await rec.call('scheduleCancel', () => x.scheduleCancel(Date.now() + 60000));
  await rec.call('vaultTransfer', () => x.vaultTransfer(other, true, 10));
  console.log = log;
  rec.save('hyperliquid-sdk');
})();
