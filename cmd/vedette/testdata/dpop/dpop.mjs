// A real DPoP client. Argument: the URL to call. Prints the thumbprint of its key,
// reads a token that is bound to it, and prints the status of each call.
import { once } from 'node:events'
import * as oauth from 'oauth4webapi'

const client = { client_id: 'app' }
const own = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
console.log(await own.calculateThumbprint())
const token = String((await once(process.stdin, 'data'))[0]).trim()

async function call(DPoP) {
  const options = { DPoP, [oauth.allowInsecureRequests]: true }
  const once = () => oauth.protectedResourceRequest(token, 'POST', new URL(process.argv[2]), new Headers(), '{"category":"spot","symbol":"BTCUSDT"}', options)
  try {
    const response = await once().catch((e) => {
      if (!DPoP || !oauth.isDPoPNonceError(e)) throw e
      return once()
    })
    console.log(response.status)
  } catch (e) {
    console.log(e.status ?? String(e))
  }
}
for (const DPoP of [own, own, thief, undefined]) await call(DPoP)
process.exit(0)
