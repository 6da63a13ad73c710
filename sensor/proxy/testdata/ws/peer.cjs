// A WebSocket server that sends everything back, and a client that talks to it through the
// proxy: node peer.cjs server | node peer.cjs client URL
const path = require('path');
const { createRequire } = require('module');
const { WebSocket, WebSocketServer } = createRequire(path.join(process.env.NODE_HOME, 'x.js'))('ws');

function server() {
  const s = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true, maxPayload: 1 << 24 });
  s.on('listening', () => console.log('127.0.0.1:' + s.address().port));
  s.on('connection', c => c.on('message', (data, binary) => {
    if (data.toString() === 'close') return c.close(4002, 'as asked');
    c.send(data, { binary });
  }));
}

async function client(url) {
  const c = new WebSocket(url, { perMessageDeflate: true, headers: { 'X-Key': 'k' } });
  c.setMaxListeners(0);
  const next = name => new Promise((ok, bad) => { c.once(name, (...a) => ok(a)); c.once('error', bad); });
  await next('open');
  if (c.extensions !== '') throw new Error('extension agreed on: ' + c.extensions);
  const check = async (send, want, binary) => {
    const got = next('message');
    send();
    const [data, b] = await got;
    if (b !== binary || Buffer.compare(data, Buffer.from(want)) !== 0) throw new Error('got ' + data.length + ' bytes, want ' + want.length);
  };
  for (const n of [0, 1, 125, 126, 65535, 65536, 500000]) {
    const text = 'ä'.repeat(n / 2);
    await check(() => c.send(text), text, false);
    await check(() => c.send(Buffer.alloc(n, 255)), Buffer.alloc(n, 255), true);
  }
  await check(() => { c.send('frag', { fin: false }); c.ping('between'); c.send('ment', { fin: false }); c.send('s', { fin: true }); }, 'fragments', false);
  const pong = next('pong');
  c.ping('are you there');
  if ((await pong)[0].toString() !== 'are you there') { // the one of 'between' may come first
    if ((await next('pong'))[0].toString() !== 'are you there') throw new Error('pong');
  }
  const closed = next('close');
  c.send('close');
  const [code, reason] = await closed;
  if (code !== 4002 || reason.toString() !== 'as asked') throw new Error('closed with ' + code);
  console.log('ok');
}

if (process.argv[2] === 'server') server();
else client(process.argv[3]).then(() => process.exit(0), e => { console.error(e); process.exit(1); });
