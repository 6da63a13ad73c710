'use strict';
const rec = require('../recorder.cjs');
const sdk = require('kucoin-universal-sdk');

const client = 'kucoin-universal-sdk';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';

(async () => {
  await rec.start({ answer: () => ({ code: '200000', data: {} }) });
  rec.as({ exchange: 'kucoin', scheme: 'hmac', client, clientVersion: rec.version(client), keys: { apiKey: 'dummykey', secret, passphrase: 'pp' } });
  const rest = new sdk.DefaultClient(new sdk.ClientOptionBuilder().setKey('dummykey').setSecret(secret).setPassphrase('pp')
    .setSpotEndpoint(sdk.GlobalApiEndpoint).setFuturesEndpoint(sdk.GlobalFuturesApiEndpoint).setBrokerEndpoint(sdk.GlobalBrokerApiEndpoint)
    .setTransportOption(new sdk.TransportOptionBuilder().setMaxRetries(0).build()).build()).restService();
  const { Spot, Futures, Account } = sdk;
  const orders = rest.getSpotService().getOrderApi();
  const contracts = rest.getFuturesService().getOrderApi();
  const account = rest.getAccountService();
  await rec.call('balance', () => account.getAccountApi().getSpotAccountList(Account.Account.GetSpotAccountListReq.create({ currency: 'BTC', type: 'trade' })));
  await rec.call('order limit', () => orders.addOrder(Spot.Order.AddOrderReq.create({ clientOid: 'probe1', symbol: 'BTC-USDT', side: 'buy', type: 'limit', price: '20000', size: '0.01', remark: 'a b/é' })));
  await rec.call('batch', () => orders.batchAddOrders(Spot.Order.BatchAddOrdersReq.create({ orderList: [
    { clientOid: '1', symbol: 'BTC-USDT', side: 'buy', type: 'limit', price: '1', size: '1' }, { clientOid: '2', symbol: 'ETH-USDT', side: 'sell', type: 'market', size: '2' }] })));
  await rec.call('cancel', () => orders.cancelOrderByClientOid(Spot.Order.CancelOrderByClientOidReq.create({ clientOid: 'probe1', symbol: 'BTC-USDT' })));
  await rec.call('orders odd', () => account.getDepositApi().getDepositHistory(Account.Deposit.GetDepositHistoryReq.create({ currency: 'a b/c+é', status: 'SUCCESS' })));
  await rec.call('withdraw', () => account.getWithdrawalApi().withdrawalV3(Account.Withdrawal.WithdrawalV3Req.create({ currency: 'USDT', toAddress: 'TKF', amount: 3, withdrawType: 'ADDRESS', chain: 'trx' })));
  await rec.call('transfer', () => account.getTransferApi().flexTransfer(Account.Transfer.FlexTransferReq.create({ clientOid: 't1', currency: 'USDT', amount: '1', fromAccountType: 'MAIN', toAccountType: 'TRADE', type: 'INTERNAL' })));
  await rec.call('futures order', () => contracts.addOrder(Futures.Order.AddOrderReq.create({ clientOid: 'probe2', symbol: 'XBTUSDTM', side: 'sell', type: 'limit', price: '1', size: 1, leverage: 1 })));
  await rec.call('futures batch', () => contracts.batchAddOrders(Futures.Order.BatchAddOrdersReq.create({ items: [{ clientOid: '3', symbol: 'XBTUSDTM', side: 'buy', type: 'market', size: 1, leverage: 1 }] })));
  await rec.call('futures cancel batch', () => contracts.batchCancelOrders(Futures.Order.BatchCancelOrdersReq.create({ orderIdsList: ['1', '2'] })));
  rec.save(client);
})();
