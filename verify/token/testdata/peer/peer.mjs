// A real authorization server and a real client of it. Argument: the URL of the
// API to call. Prints one JSON object a line; ends when its input does.
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import * as oauth from 'oauth4webapi'
import Provider from 'oidc-provider'

const api = process.argv[2]
const say = (o) => process.stdout.write(JSON.stringify(o) + '\n')
console.warn = console.info = () => {}

const jwk = (type, options, extra) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), ...extra })
const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [{ client_id: 'bot', client_secret: 'a secret of the bot: %+', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  jwks: { keys: [
    jwk('ec', { namedCurve: 'P-256' }, { use: 'sig', alg: 'ES256', kid: 'es' }),
    jwk('rsa', { modulusLength: 2048 }, { use: 'sig', kid: 'rs' }),
    jwk('ed25519', {}, { use: 'sig', kid: 'ed' }),
  ] },
  scopes: ['read', 'trade'],
  enabledJWA: { dPoPSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'] },
  features: {
    clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true }, devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => {
        const kind = new URL(resource).pathname.slice(1)
        return { scope: 'read trade', audience: resource, accessTokenTTL: 300,
          ...(kind === 'opaque' ? { accessTokenFormat: 'opaque' } : { accessTokenFormat: 'jwt', jwt: { sign: { alg: kind } } }) }
      },
    },
  },
})
server.on('request', provider.callback())

const insecure = { [oauth.allowInsecureRequests]: true }
const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure))
const client = { client_id: 'bot' }
const auth = oauth.ClientSecretBasic('a secret of the bot: %+')
say({ issuer, jwks: as.jwks_uri, introspection: as.introspection_endpoint })

async function grant(resource, DPoP) {
  const params = new URLSearchParams({ resource, scope: 'read trade' })
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, params, { DPoP, ...insecure })
  return (await oauth.processClientCredentialsResponse(as, client, response)).access_token
}

async function call(name, token, DPoP) {
  const url = new URL(`${api}/v1/order?name=${name}`)
  const once = () => oauth.protectedResourceRequest(token, 'POST', url, new Headers(), '{}', { DPoP, ...insecure })
  let nonces = 0
  let status
  try {
    const response = await once().catch((e) => {
      if (!DPoP || !oauth.isDPoPNonceError(e)) throw e
      nonces++
      return once()
    })
    status = response.status
  } catch (e) {
    status = e.status ?? String(e)
  }
  say({ name, status, nonces })
}

await once(process.stdin, 'data') // the API knows the issuer now
for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA']) {
  await call(`bearer ${alg}`, await grant(`https://api.example/${alg}`))
}
for (const alg of ['ES256', 'EdDSA', 'RS256', 'PS256']) {
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg))
  const token = await grant('https://api.example/ES256', DPoP)
  await call(`dpop ${alg}`, token, DPoP)
  await call(`dpop ${alg} again`, token, DPoP)
  await call(`dpop ${alg} as bearer`, token)
  const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  await call(`dpop ${alg} stolen`, token, thief)
}
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const opaque = await grant('https://api.example/opaque', DPoP)
await call('opaque', opaque, DPoP)
await call('opaque stolen', opaque)
await call('other audience', await grant('https://other.example/ES256'))
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, opaque, insecure))
await call('opaque revoked', opaque, DPoP)
say({ done: true })
await once(process.stdin, 'end')
process.exit(0)
