'use strict';
// This client waits for each answer without running anything else, so that it runs in
// a process of its own and is given the address of a plain HTTP server here.
const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');

const client = 'mexc-api-sdk';
const secret = 'dummysecret0123456789abcdefdummysecret0123456789abcdef';
const calls = [
  ['balance', (c) => c.accountInfo()],
  ['order limit', (c) => c.newOrder('BTCUSDT', 'BUY', 'LIMIT', { quantity: '0.01', price: '20000', newClientOrderId: 'a b/c+é' })],
  ['order market', (c) => c.newOrder('BTCUSDT', 'SELL', 'MARKET', { quantity: '0.01' })],
  ['orders', (c) => c.openOrders('BTCUSDT')],
  ['cancel', (c) => c.cancelOrder('BTCUSDT', { origClientOrderId: 'a b/c+é' })],
  ['cancel all', (c) => c.cancelOpenOrders('BTCUSDT')],
];

if (process.argv[2]) {
  const { Spot } = require(client);
  const c = new Spot('mx0dummy', secret);
  c.config.baseURL = process.argv[2] + '/api/v3';
  for (const [, run] of calls) {
    try { run(c); } catch (e) { if (process.env.VERBOSE) console.error(e); }
  }
} else {
  const version = JSON.parse(fs.readFileSync(path.join(__dirname, 'node_modules', client, 'package.json'), 'utf8')).version;
  const rest = [];
  const server = http.createServer((req, res) => {
    const headers = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2) headers.push([req.rawHeaders[i], req.rawHeaders[i + 1]]);
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      rest.push({ exchange: 'mexc', scheme: 'hmac', call: calls[rest.length][0], client, clientVersion: version, tls: false, method: req.method,
        url: req.url, headers, body, receivedAtMs: Date.now(), apiKey: 'mx0dummy', secret });
      res.end('{}');
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const child = spawn(process.execPath, [__filename, 'http://127.0.0.1:' + server.address().port], { stdio: 'inherit' });
    child.on('exit', () => {
      server.close();
      fs.writeFileSync(path.join(__dirname, '..', '..', client + '-rest.json'), JSON.stringify(rest, null, 1) + '\n');
      console.error(`${client}: ${rest.length} requests`);
    });
  });
}
