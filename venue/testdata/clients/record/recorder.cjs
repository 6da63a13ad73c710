// Recorder stands where a venue would be and writes down what a client sends.
//
// The clients are unmodified and address the venue's own hosts: only the socket
// is led elsewhere, to a TLS server on loopback with a throwaway certificate.
'use strict';

const { execFileSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const os = require('os');
const path = require('path');
const tls = require('tls');

const { WebSocketServer } = require(require.resolve('ws', { paths: [process.cwd()] }));

const rest = [];
const sessions = [];
let current = null; // what the requests in flight are recorded as
let answer = () => ({});
let onMessage = () => undefined;

function certificate() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'recorder-'));
  const key = path.join(dir, 'key.pem');
  const cert = path.join(dir, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2',
    '-subj', '/CN=localhost'], { stdio: 'ignore' });
  const pair = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
  fs.rmSync(dir, { recursive: true });
  return pair;
}

function pairs(raw) {
  const list = [];
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i], raw[i + 1]]);
  return list;
}

function describe() {
  const { count, ...d } = current;
  current.count += 1;
  if (count > 0) d.call += '#' + (count + 1);
  return d;
}

// start serves, and leads every TLS connection of this process to the server.
// options.answer(request) returns what the venue says, options.onMessage(text,
// url) what it says on a WebSocket, options.onOpen(url) its first words;
// options.ignore(url) are requests of no interest.
async function start(options) {
  answer = options.answer || answer;
  onMessage = options.onMessage || onMessage;
  const server = https.createServer(certificate(), (req, res) => {
    const chunks = [];
    req.on('data', (c) => chunks.push(c));
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      if (current && !(options.ignore && options.ignore(req.url))) {
        rest.push({ ...describe(), tls: true, method: req.method, url: req.url, headers: pairs(req.rawHeaders), body,
          receivedAtMs: Date.now(), ...current.keys });
      }
      const said = answer({ method: req.method, url: req.url, host: req.headers.host, body }) ?? {};
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify(said));
    });
  });
  const wss = new WebSocketServer({ server });
  wss.on('connection', (ws, req) => {
    const headers = {};
    for (const [k, v] of pairs(req.rawHeaders)) {
      if (!/^(sec-websocket|connection$|upgrade$)/i.test(k)) headers[k] = v;
    }
    const s = { ...describe(), url: req.url, upgradeHeaders: headers, messages: [], ...current.keys, capturedAtMs: Date.now() };
    const silent = current.skip || (() => false);
    sessions.push(s);
    ws.on('message', (m) => {
      const text = m.toString('utf8');
      if (!silent(text)) {
        s.messages.push(text);
        s.capturedAtMs = Date.now();
      }
      for (const said of [onMessage(text, req.url)].flat()) if (said !== undefined) ws.send(JSON.stringify(said));
    });
    const first = options.onOpen && options.onOpen(req.url);
    if (first) ws.send(JSON.stringify(first));
  });
  await new Promise((ok) => server.listen(0, '127.0.0.1', ok));
  const { port } = server.address();
  const connect = tls.connect;
  tls.connect = (o, ...more) => connect({ ...o, host: '127.0.0.1', port, path: undefined, rejectUnauthorized: false,
    checkServerIdentity: () => undefined, ALPNProtocols: undefined }, ...more);
}

// call runs one call of the client. keys and labels stay until the next as().
let labels = {};
function as(l) { labels = l; }

async function call(name, run, more = {}) {
  const { keys, ...l } = labels;
  current = { exchange: l.exchange, scheme: l.scheme, call: name, client: l.client, clientVersion: l.clientVersion, count: 0, ...more };
  Object.defineProperty(current, 'keys', { value: { ...keys, ...more.keys }, enumerable: false });
  if (more.skip) Object.defineProperty(current, 'skip', { value: more.skip, enumerable: false });
  try {
    await Promise.race([run(), new Promise((ok) => setTimeout(ok, more.patience || 4000))]);
  } catch (e) {
    if (process.env.VERBOSE) console.error(name, e);
  }
}

const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms));

// save writes the files and ends the process, whatever the clients still hold.
function save(name) {
  const out = path.join(__dirname, '..');
  if (rest.length) fs.writeFileSync(path.join(out, name + '-rest.json'), JSON.stringify(rest, null, 1) + '\n');
  if (sessions.length) fs.writeFileSync(path.join(out, name + '-ws.json'), JSON.stringify(sessions, null, 1) + '\n');
  console.error(`${name}: ${rest.length} requests, ${sessions.length} sessions`);
  process.exit(0);
}

// version of an installed package.
const version = (name) => JSON.parse(fs.readFileSync(path.join(process.cwd(), 'node_modules', name, 'package.json'), 'utf8')).version;

// Throwaway keys.
function ecKey() {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { sec1: privateKey.export({ type: 'sec1', format: 'pem' }), pkcs8: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) };
}

function edKey() {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  return { base64: Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]).toString('base64'),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) };
}

module.exports = { start, as, call, sleep, save, version, ecKey, edKey };
