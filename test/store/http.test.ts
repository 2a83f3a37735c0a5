import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { collect } from '../../lib/compliance/bytes.ts'
import { DEFAULT_FILTER, type UriFilter } from '../../lib/http/uri-filter.ts'
import { HTTP_OPTIONS } from '../../lib/store/http-settings.ts'
import { openOrDisable, openStore } from '../../lib/store/open.ts'
import type { Store } from '../../lib/store/store.ts'
import { startListener } from '../support/listener.ts'

const FILES = 'fixtures/tls'
/** Lets tests read what they serve themselves. */
const LOCAL: UriFilter = {
  ...DEFAULT_FILTER,
  allowedHosts: ['127.0.0.1', 'only.the.proxy'],
  allowedPorts: [],
}

type Options = Readonly<Record<string, string>>

async function open(options: Options, filter = LOCAL): Promise<Store> {
  return await openStore({ id: 'web', type: 'http', options, filter })
}

/** A server with one image, by TLS or without; resolves to its URL. */
async function serve(t: Test, isSecure: boolean): Promise<string> {
  const tls = {
    key: readFileSync(`${FILES}/server.key`),
    cert: readFileSync(`${FILES}/server.pem`),
  }
  const url = await startListener(
    t,
    ({ headers: { authorization } }, response) => response.end(`data for ${authorization}`),
    isSecure ? tls : undefined,
  )
  return `${url}/image`
}

/** A proxy that passes on to this machine whatever it is asked for; `seen` is what that was. */
async function startProxy(t: Test) {
  const seen: string[] = []
  const proxy = createServer((request, response) => {
    const { 'proxy-authorization': who, ...headers } = request.headers
    const asked = new URL(request.url ?? '')
    seen.push(`${asked.href} by ${who}`)
    asked.hostname = '127.0.0.1'
    send(asked, { headers }, answer => answer.pipe(response)).end()
  })
  proxy.on('connect', ({ url = '', headers }, socket) => {
    seen.push(`${url} by ${headers['proxy-authorization']}`)
    const onward = connect(Number(url.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    t.teardown(() => onward.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  // A server that listens on a port has an AddressInfo.
  return { seen, host: `127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

async function textOf(store: Store, url: string): Promise<string> {
  return (await collect(await store.open({ url }))).toString()
}

t.test('who a server is', async t => {
  const url = await serve(t, true)
  for (const { title, options, isRead } of [
    { title: 'is checked by the authorities of the system', options: {}, isRead: false },
    {
      title: 'is checked by those of https_ca_certificates_file',
      options: { https_ca_certificates_file: `${FILES}/ca.pem` },
      isRead: true,
    },
    {
      title: 'is not checked with https_insecure',
      options: { https_insecure: 'True' },
      isRead: true,
    },
    {
      title: 'is checked all the same where both are set, as in Glance',
      options: {
        https_insecure: 'true',
        https_ca_certificates_file: '/etc/ssl/certs/ca-certificates.crt',
      },
      isRead: false,
    },
  ]) {
    t.test(title, async t => {
      await using store = await open(options)
      if (isRead) t.equal(await textOf(store, url), 'data for undefined')
      else await t.rejects(store.open({ url }), { message: /certificate/ })
    })
  }
})

for (const isSecure of [false, true]) {
  const scheme = isSecure ? 'https' : 'http'
  t.test(`${scheme} goes by the proxy that http_proxy_information has for it`, async t => {
    const url = await serve(t, isSecure)
    const { port } = new URL(url)
    const named = url.replace('://127.0.0.1', '://me:p%40ss@only.the.proxy')
    const { seen, host } = await startProxy(t)
    const proxy = `http://us:pw@${host}`
    const insecure = { https_insecure: 'true' }
    const target = isSecure ? `only.the.proxy:${port}` : `http://only.the.proxy:${port}/image`
    const by = `by Basic ${Buffer.from('us:pw').toString('base64')}`
    const me = `data for Basic ${Buffer.from('me:p@ss').toString('base64')}`
    for (const information of [`${scheme}:${proxy}`, `all:${proxy}`, `"${scheme}:${proxy}"`]) {
      await using store = await open({ ...insecure, http_proxy_information: information })
      t.equal(await textOf(store, named), me, information)
    }
    t.strictSame(new Set(seen), new Set([`${target} ${by}`]))
    seen.length = 0
    const other = isSecure ? 'http' : 'https'
    await using direct = await open({ ...insecure, http_proxy_information: `${other}:${host}` })
    t.equal(await textOf(direct, url), 'data for undefined')
    t.strictSame(seen, [], 'and by no other')
  })
}

for (const isSecure of [false, true]) {
  t.test(`large data by ${isSecure ? 'TLS' : 'plain HTTP'} is whole, or fails`, async t => {
    const data = Buffer.alloc(9 * 1024 * 1024, 'some pattern of no round length')
    const tls = {
      key: readFileSync(`${FILES}/server.key`),
      cert: readFileSync(`${FILES}/server.pem`),
    }
    const url = await startListener(
      t,
      ({ url, method }, response) => {
        response.writeHead(200, { 'content-length': data.length })
        if (method === 'HEAD') response.end()
        else if (url === '/whole') response.end(data)
        else response.write(data.subarray(0, -1), () => response.destroy())
      },
      isSecure ? tls : undefined,
    )
    await using store = await open({ https_ca_certificates_file: `${FILES}/ca.pem` })
    const whole = { url: `${url}/whole`, metadata: {} }
    t.equal(await store.size(whole), data.length)
    t.ok(data.equals(Buffer.from(await collect(await store.open(whole)))))
    const cut = await store.open({ url: `${url}/cut`, metadata: {} })
    await t.rejects(collect(cut), { code: 'unavailable' })
  })
}

t.test('a proxy is asked for nothing that the filter refuses', async t => {
  const { seen, host } = await startProxy(t)
  await using store = await open({ http_proxy_information: `all:${host}` }, DEFAULT_FILTER)
  for (const url of ['http://127.0.0.1/', 'http://localhost/', 'http://93.184.216.34:22/']) {
    await t.rejects(store.open({ url }), { code: 'invalid', message: /may not be fetched/ }, url)
  }
  t.strictSame(seen, [])
})

t.test('redirects are followed five times at most, for a size as for data', async t => {
  const url = await startListener(t, (request, response) => {
    const left = Number(request.url?.slice(1))
    if (left === 0) response.end('there')
    else response.writeHead(301 + (left % 2), { location: `/${left - 1}` }).end()
  })
  await using store = await open({})
  t.equal(await textOf(store, `${url}/5`), 'there')
  await t.rejects(store.open({ url: `${url}/6` }), { code: 'invalid', message: /too often/ })
  await t.rejects(store.size({ url: `${url}/6` }), { code: 'invalid', message: /too often/ })
})

t.test(
  'what is wrong is told by the name of the option, and nothing is read by another way',
  async t => {
    const url = await serve(t, false)
    for (const [options, reason] of [
      [{ https_ca_certificates_file: '/nowhere.pem' }, /^https_ca_certificates_file: ENOENT/],
      [{ https_insecure: 'perhaps' }, /^https_insecure: expected true or false, found 'perhaps'$/],
      [
        { http_proxy_information: '10.0.0.1:3128' },
        /^http_proxy_information: expected scheme:proxy/,
      ],
      [{ http_proxy_information: 'http:socks5://me:secret@a' }, /^(?!.*secret)http_proxy_inf/],
    ] as const) {
      await t.rejects(open(options), { code: 'usage', message: reason })
      await using store = await openOrDisable({ id: 'web', type: 'http', options, filter: LOCAL })
      const refused = { code: 'unavailable', message: /^store web is configured wrongly/ }
      await t.rejects(store.open({ url }), refused)
      await t.rejects(store.size({ url }), refused)
      t.ok(store.holds({ url }))
      t.notOk(store.writable)
    }
    const unset = Object.fromEntries(HTTP_OPTIONS.map(name => [name, '']))
    await using store = await open({ ...unset, https_insecure: 'false' })
    t.equal(await textOf(store, url), 'data for undefined')
  },
)
