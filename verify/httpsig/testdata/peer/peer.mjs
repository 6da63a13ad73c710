// A real client that signs HTTP messages. Argument: the URL of the API to call.
// Prints its keys, one JSON object, then one with the status of each call.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { createSigner, httpbis } from 'http-message-signatures'

const api = process.argv[2]
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const secret = randomBytes(64)
const keys = {
  'rsa-pss-sha512': rsa(), 'rsa-v1_5-sha256': rsa(), 'ed25519': generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ecdsa-p384-sha384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
}
const shown = { 'hmac-sha256': secret.toString('base64') }
for (const [alg, k] of Object.entries(keys)) shown[alg] = k.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
process.stdout.write(JSON.stringify(shown) + '\n')
await once(process.stdin, 'data') // the API knows the keys now

const body = '{"symbol":"BTCUSDT","side":"BUY"}'
const coverage = [
  ['@method', '@target-uri', 'content-digest', 'content-type'],
  ['@method', '@authority', '@path', '@query', '@query-param;name="a"', '@scheme', '@request-target', 'content-digest;key="sha-512"', 'x-many', 'x-many;bs'],
]
const status = {}
for (const alg of Object.keys(shown)) {
  const key = createSigner(alg === 'hmac-sha256' ? secret : keys[alg].privateKey, alg, alg)
  for (const [i, fields] of coverage.entries()) {
    const url = `${api}/v1/order%20s/${i}?a=b%2Bc+d&name=${alg}`
    const digest = createHash('sha512').update(body).digest('base64')
    const signed = await httpbis.signMessage({ key, name: 'venue', fields, params: ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'],
      paramValues: { nonce: randomBytes(12).toString('hex'), tag: 'venue' } },
    { method: 'POST', url, headers: { 'Content-Type': 'application/json', 'Content-Digest': `sha-512=:${digest}:`, 'X-Many': ['a, b', 'c'], Host: new URL(url).host } })
    const r = request(url, { method: 'POST', headers: { ...signed.headers, 'Content-Length': Buffer.byteLength(body) } })
    r.end(body)
    const [response] = await once(r, 'response')
    response.resume()
    status[`${alg} ${i}`] = response.statusCode
  }
}
process.stdout.write(JSON.stringify(status) + '\n')
process.exit(0)
