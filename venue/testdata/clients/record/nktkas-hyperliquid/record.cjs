// Requests of @nktkas/hyperliquid: L1 actions, every user-signed action, vault,
// expiry, multi-sig, the test network, and actions over a WebSocket.
'use strict';
const rec = require('../recorder.cjs');
globalThis.WebSocket ??= require('ws'); // Node 20 has none

const key = '0x0123456789012345678901234567890123456789012345678901234567890123';
const other = '0x1719884eb866cb12b2287399b15f7db5e7d775ea';
const token = 'USDC:0xeb62eee3685fc4c43992febcd9e75443';
const order = (more) => ({ a: 0, b: true, p: '30000', s: '0.1', r: false, t: { limit: { tif: 'Gtc' } }, ...more });

(async () => {
  const hl = await import('@nktkas/hyperliquid');
  const { privateKeyToAccount } = await import('viem/accounts');
  const ok = { status: 'ok', response: { type: 'default' } };
  await rec.start({
    answer: (r) => (r.url === '/exchange' ? ok : {}),
    onMessage: (m) => {
      const q = JSON.parse(m);
      return q.method === 'post' ? { channel: 'post', data: { id: q.id, response: { type: 'action', payload: ok } } } : undefined;
    },
  });
  const wallet = privateKeyToAccount(key);
  const keys = { walletAddress: wallet.address };
  rec.as({ exchange: 'hyperliquid', scheme: 'eip712', client: '@nktkas/hyperliquid', clientVersion: rec.version('@nktkas/hyperliquid'), keys });
  const transport = new hl.HttpTransport();
  const client = new hl.ExchangeClient({ transport, wallet });

  await rec.call('order', () => client.order({ orders: [order({ c: '0x000000000000000000000000000000ff' })], grouping: 'na' }));
  await rec.call('order(batch, trigger)', () => client.order({ orders: [order(), order({ b: false, t: { trigger: { isMarket: true, triggerPx: '29000', tpsl: 'sl' } } })], grouping: 'normalTpsl' }));
  await rec.call('cancel', () => client.cancel({ cancels: [{ a: 10001, o: 91490942123 }] }));
  await rec.call('cancelByCloid', () => client.cancelByCloid({ cancels: [{ asset: 110000, cloid: '0x000000000000000000000000000000ff' }] }));
  await rec.call('modify', () => client.modify({ oid: 123, order: order() }));
  await rec.call('batchModify', () => client.batchModify({ modifies: [{ oid: '0x000000000000000000000000000000ff', order: order() }] }));
  await rec.call('scheduleCancel', () => client.scheduleCancel({ time: Date.now() + 60000 }));
  await rec.call('twapOrder', () => client.twapOrder({ twap: { a: 0, b: true, s: '1', r: false, m: 10, t: true } }));
  await rec.call('updateLeverage', () => client.updateLeverage({ asset: 0, isCross: true, leverage: 5 }));
  await rec.call('updateIsolatedMargin', () => client.updateIsolatedMargin({ asset: 0, isBuy: true, ntli: -5000000000 }));
  await rec.call('createSubAccount(unicode)', () => client.createSubAccount({ name: 'é"\\ \u2028😀' }));
  await rec.call('vaultTransfer', () => client.vaultTransfer({ vaultAddress: other, isDeposit: true, usd: 10000000 }));
  await rec.call('order(expiresAfter)', () => client.order({ orders: [order()], grouping: 'na' }, { expiresAfter: Date.now() + 60000 }));
  await rec.call('order(vault, expiresAfter)', () => client.order({ orders: [order()], grouping: 'na' }, { vaultAddress: other, expiresAfter: Date.now() + 60000 }));
  await rec.call('usdSend', () => client.usdSend({ destination: other, amount: '1' }));
  await rec.call('spotSend', () => client.spotSend({ destination: other, token, amount: '1' }));
  await rec.call('withdraw3', () => client.withdraw3({ destination: other, amount: '1' }));
  await rec.call('usdClassTransfer', () => client.usdClassTransfer({ amount: '1', toPerp: true }));
  await rec.call('sendAsset', () => client.sendAsset({ destination: other, sourceDex: '', destinationDex: 'test', token, amount: '1' }));
  await rec.call('sendToEvmWithData', () => client.sendToEvmWithData({ token: 'USDC', amount: '1', sourceDex: 'spot', destinationRecipient: other, addressEncoding: 'hex', destinationChainId: 42161, gasLimit: 200000, data: '0xdeadbeef' }));
  await rec.call('approveAgent', () => client.approveAgent({ agentAddress: other, agentName: 'bot' }));
  await rec.call('approveAgent(unnamed)', () => client.approveAgent({ agentAddress: other }));
  await rec.call('approveBuilderFee', () => client.approveBuilderFee({ maxFeeRate: '0.01%', builder: other }));
  await rec.call('tokenDelegate', () => client.tokenDelegate({ validator: other, wei: 100000000, isUndelegate: false }));
  await rec.call('cDeposit', () => client.cDeposit({ wei: 100000000 }));
  await rec.call('convertToMultiSigUser', () => client.convertToMultiSigUser({ signers: { authorizedUsers: [other], threshold: 1 } }));
  await rec.call('linkStakingUser', () => client.linkStakingUser({ user: other, isFinalize: false }));
  await rec.call('userSetAbstraction', () => client.userSetAbstraction({ user: wallet.address, abstraction: 'unifiedAccount' }));
  await rec.call('state(unsigned)', () => new hl.InfoClient({ transport }).clearinghouseState({ user: wallet.address }));

  const multi = new hl.ExchangeClient({ transport, signers: [wallet, privateKeyToAccount('0x' + '11'.repeat(32))], multiSigUser: other, signatureChainId: '0x66eee' });
  await rec.call('multiSig order', () => multi.order({ orders: [order()], grouping: 'na' }));
  await rec.call('multiSig usdSend', () => multi.usdSend({ destination: other, amount: '1' }));

  const test = new hl.ExchangeClient({ transport: new hl.HttpTransport({ isTestnet: true }), wallet });
  await rec.call('testnet order', () => test.order({ orders: [order()], grouping: 'na' }));
  await rec.call('testnet usdSend', () => test.usdSend({ destination: other, amount: '1' }));

  await rec.call('post order', async () => {
    const socket = new hl.WebSocketTransport();
    await new hl.ExchangeClient({ transport: socket, wallet }).order({ orders: [order()], grouping: 'na' });
  });
  rec.save('nktkas-hyperliquid');
})();
