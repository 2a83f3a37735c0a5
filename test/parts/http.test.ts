import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { send } from '../../lib/http/body.ts'
import { call } from '../../lib/http/client.ts'
import { DataConnections } from '../../lib/http/connections.ts'
import { faultOf } from '../../lib/http/faults.ts'
import { proxiesFrom, proxyHeaders } from '../../lib/http/proxies.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { bytesOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'

t.test('when a busy service wants to be asked again', async t => {
  const request = { method: 'GET', url: new URL('http://glance/v2/images') }
  const date = 'Mon, 23 Nov 2026 09:00:00 GMT'
  for (const { title, status = 503, headers, code = 'unavailable', retryAfterMs } of [
    { title: 'in seconds', headers: { 'retry-after': '7' }, retryAfterMs: 7000 },
    {
      title: 'at a time of its own clock',
      headers: { date, 'retry-after': 'Mon, 23 Nov 2026 09:01:30 GMT' },
      retryAfterMs: 90_000,
    },
    {
      title: 'at a time that has passed',
      headers: { date, 'retry-after': 'Mon, 23 Nov 2026 08:00:00 GMT' },
      retryAfterMs: 0,
    },
    {
      title: 'at a time without a clock',
      headers: { 'retry-after': date },
      retryAfterMs: undefined,
    },
    { title: 'it does not say', headers: {}, retryAfterMs: undefined },
    { title: 'in words', headers: { 'retry-after': 'soon' }, retryAfterMs: undefined },
    {
      title: 'after too many requests',
      status: 429,
      headers: { 'retry-after': '1' },
      retryAfterMs: 1000,
    },
    {
      title: 'after too much, in the way of old rate limits',
      status: 413,
      headers: { 'retry-after': '1' },
      retryAfterMs: 1000,
    },
    {
      title: 'never, when it is too much',
      status: 413,
      headers: {},
      code: 'over_limit',
      retryAfterMs: undefined,
    },
  ]) {
    t.test(title, async t => {
      t.match(faultOf(request, status, headers, ''), { code, retryAfterMs })
    })
  }
})

t.test('by which proxy a URL is asked', async t => {
  const proxies = { http_proxy: 'http://one:3128', HTTPS_PROXY: 'two:3128' }
  for (const { environment = proxies, url, proxy } of [
    { url: 'http://glance/', proxy: 'http://one:3128/' },
    { url: 'https://glance/', proxy: 'http://two:3128/' },
    { environment: { ALL_PROXY: 'https://all' }, url: 'http://glance/', proxy: 'https://all/' },
    { environment: {}, url: 'http://glance/', proxy: undefined },
    { url: 'http://localhost:9292/', proxy: undefined },
    { url: 'http://127.0.0.9/', proxy: undefined },
    { url: 'http://[::1]:9292/', proxy: undefined },
  ]) {
    t.equal(proxiesFrom(environment)(new URL(url))?.href, proxy, url)
  }
  for (const { except, reached, proxied } of [
    { except: '*', reached: ['http://a/'], proxied: [] },
    {
      except: 'example.com',
      reached: ['http://example.com/', 'http://a.EXAMPLE.com./'],
      proxied: ['http://anexample.com/', 'http://example.com.org/'],
    },
    {
      except: ' .example.com , b ',
      reached: ['http://a.example.com/', 'http://b/'],
      proxied: ['http://c/'],
    },
    { except: '*.example.com', reached: ['http://a.example.com/'], proxied: [] },
    { except: 'a:9292', reached: ['http://a:9292/'], proxied: ['http://a/', 'http://a:80/'] },
    { except: 'a:80', reached: ['http://a/'], proxied: ['http://a:9292/'] },
    {
      except: '10.1.0.0/16',
      reached: ['http://10.1.2.3/'],
      proxied: ['http://10.2.0.1/', 'http://a/'],
    },
    { except: 'fd00::/8', reached: ['http://[fd00::1]/'], proxied: ['http://[fe00::1]/'] },
    { except: '192.0.2.1', reached: ['http://192.0.2.1/'], proxied: ['http://9.192.0.2.1.a/'] },
    { except: '2001:db8::1', reached: ['http://[2001:db8::1]:9292/'], proxied: [] },
    {
      except: '[2001:db8::1]:80',
      reached: ['http://[2001:db8::1]/'],
      proxied: ['http://[2001:db8::1]:81/'],
    },
  ]) {
    const rule = proxiesFrom({ ...proxies, NO_PROXY: except })
    for (const url of reached) t.equal(rule(new URL(url)), undefined, `${except}: ${url}`)
    for (const url of proxied) t.ok(rule(new URL(url)), `${except}: not ${url}`)
  }
  t.strictSame(proxyHeaders(new URL('http://user:p%40ss@proxy')), {
    'proxy-authorization': `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
  })
})

t.test('an error holds nothing of the request that is secret', async t => {
  const server = createServer(request => request.socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // As node:net documents.
  const request = {
    method: 'POST',
    headers: { 'x-auth-token': 'SECRET-TOKEN' },
    json: { password: 'SECRET-WORD' },
  } as const
  for (const timeoutMs of [60_000, 1]) {
    const url = new URL(`http://127.0.0.1:${port}/`)
    const error: unknown = await call({ ...request, url, timeoutMs }).catch(
      error => error as unknown,
    )
    t.match(error, { name: 'GlanceError', cause: Error })
    t.notMatch(inspect(error, { depth: Infinity, showHidden: true }), 'SECRET')
  }
  server.close()
  await once(server, 'close')
  const url = new URL(`http://127.0.0.1:${port}/`)
  const error: unknown = await call({ ...request, url, timeoutMs: 60_000 }).catch(
    error => error as unknown,
  )
  t.match(error, { code: 'unreachable' })
  t.notMatch(inspect(error, { depth: Infinity, showHidden: true }), 'SECRET')
})

t.test('an answer comes as the server likes to send it', async t => {
  const document = { images: ['ä'.repeat(100_000)] }
  const text = Buffer.from(JSON.stringify(document))
  const encoded: Readonly<Record<string, Buffer>> = {
    gzip: gzipSync(text),
    'x-gzip': gzipSync(text),
    deflate: deflateSync(text),
    br: brotliCompressSync(text),
    identity: text,
    broken: text.subarray(0, 100),
  }
  const url = await startListener(t, ({ url = '', method }, response) => {
    const how = url.slice(1)
    const body = encoded[how] ?? encoded['gzip']?.subarray(0, 200) ?? text
    const headers = { 'content-encoding': encoded[how] === undefined ? 'gzip' : how }
    response.writeHead(200, headers).end(method === 'HEAD' ? undefined : body)
  })
  using connections = new DataConnections()
  const request = { headers: {}, timeoutMs: 60_000 }
  const get = async (how: string, method: 'GET' | 'HEAD' = 'GET') =>
    await call({ ...request, method, url: new URL(how, url), connections })
  for (const how of ['gzip', 'x-gzip', 'deflate', 'br', 'identity']) {
    t.strictSame(await get(how), document, how)
  }
  t.equal(await get('gzip', 'HEAD'), undefined, 'of a HEAD there is nothing to unpack')
  t.strictSame(
    await call({ ...request, method: 'GET', url: new URL('gzip', url) }),
    document,
    'also without connections of our own',
  )
  await t.rejects(get('broken'), { code: 'unsupported', message: /not JSON/ })
  await t.rejects(get('cut'), { code: 'unavailable', message: /unexpected end of file/ })
})

t.test('an answer that breaks off, or cannot be asked for, is told as that', async t => {
  const url = await startListener(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{"images":', () => response.destroy())
  })
  const request = { method: 'GET', url: new URL(url), headers: {}, timeoutMs: 60_000 } as const
  await t.rejects(call(request), { code: 'unavailable', message: /connection reset/ })
  await t.rejects(call({ ...request, headers: { 'x-auth-token': 'a\nb' } }), {
    code: 'unavailable',
    message: /Invalid character in header content/,
  })
  const enough = new Error('enough')
  await t.rejects(call({ ...request, signal: AbortSignal.abort(enough) }), enough)
})

t.test('whatever a server makes of an answer, there is an end to it', async t => {
  /** Answers each request on a connection by the next of these, of which none cuts the connection. */
  async function startRaw(t: Test, answers: readonly string[], again = ''): Promise<URL> {
    const server = createTcpServer(socket => {
      const left = [...answers]
      socket.on('error', () => {}) // A client that has enough hangs up.
      socket.on('data', () => {
        const answer = left.shift()
        if (answer === undefined) return void socket.resetAndDestroy()
        socket.write(answer)
        if (again === '') return
        const timer = setInterval(() => socket.write(again), 20)
        socket.once('close', () => clearInterval(timer))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`) // As node:net documents.
  }
  const head = (line: string, ...headers: readonly string[]) =>
    [`HTTP/1.1 ${line}`, ...headers, '', ''].join('\r\n')
  const noBody = 'Content-Length: 0'
  for (const { title, answer, again, timeoutMs = 60_000, error } of [
    {
      title: 'another protocol that nobody asked for',
      answer: head('101 Switching Protocols', 'Upgrade: other', 'Connection: upgrade'),
      error: { code: 'unavailable', message: /closed without an answer/ },
    },
    {
      title: 'an encoding named as what every object has',
      answer: `${head('200 OK', 'Content-Encoding: constructor', 'Content-Length: 2')}{}`,
    },
    {
      title: 'nothing, compressed',
      answer: head('200 OK', 'Content-Encoding: gzip', noBody),
    },
    {
      title: 'a refusal with nothing in it, compressed',
      answer: head('401 Unauthorized', 'Content-Encoding: br', noBody),
      error: { code: 'unauthenticated' },
    },
    {
      title: 'half of an answer',
      answer: `${head('200 OK', 'Content-Length: 9')}{}`,
      timeoutMs: 200,
      error: { code: 'unavailable', message: /no answer in 0.2 s/ },
    },
    {
      title: 'that it is at it, again and again',
      answer: head('102 Processing'),
      again: head('102 Processing'),
      timeoutMs: 200,
      error: { code: 'unavailable', message: /no answer in 0.2 s/ },
    },
  ]) {
    t.test(title, async t => {
      const url = await startRaw(t, [answer], again)
      using connections = new DataConnections()
      const called = call({ method: 'GET', url, headers: {}, timeoutMs, connections })
      if (error === undefined) await t.resolves(called)
      else await t.rejects(called, error)
    })
  }

  t.test('more than anybody wants, in a few bytes', async t => {
    const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024, ' '))
    const url = await startListener(t, (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    })
    await t.rejects(call({ method: 'GET', url: new URL(url), headers: {}, timeoutMs: 60_000 }), {
      code: 'unsupported',
      message: /the answer does not end/,
    })
  })

  t.test('that it has just closed the connection: what only asks asks again', async t => {
    const url = await startRaw(t, [`${head('200 OK', 'Content-Length: 2')}{}`])
    using connections = new DataConnections()
    const request = { url, headers: {}, timeoutMs: 60_000, connections } as const
    for (const method of ['GET', 'GET', 'GET'] as const) {
      t.strictSame(await call({ ...request, method }), {})
    }
    await t.rejects(call({ ...request, method: 'POST', json: {} }), {
      code: 'unavailable',
      message: /connection reset/,
    })
  })
})

t.test('a redirect is told by its place, without what it would hand over there', async t => {
  const secret = 'gAAA/SECRET+TOKEN=='
  for (const [location, told] of [
    [`http://other/path?next=${encodeURIComponent(secret)}#${secret}`, 'http://other/path'],
    [`/login/${encodeURIComponent(secret)}/x`, '/login/(secret)/x'],
    ['/login/gAAA%2fSECRET%2bTOKEN%3d%3d/x', '/login/(secret)/x'],
    [`http://user:${encodeURIComponent(secret)}@other/`, 'http://other/'],
    ['http://[bad', '(a malformed URL)'],
  ] as const) {
    for (const path of ['/v2/tasks', '/file']) {
      const url = await startListener(t, (request, response) => {
        if (!request.url?.includes(path)) {
          const image = imageToV2(imageOf(1, bytesOf(1, 1000)))
          return sendJson(response, 200, { images: [image] })
        }
        response.writeHead(302, { location }).end()
      })
      const words = ['livecopy', '--attempts', '1', url, `dir:${t.testdir()}`]
      const { status, stderr } = await run(words, { OS_SOURCE_TOKEN: secret })
      t.not(status, 0, stderr)
      t.ok(stderr.includes('302 it says to ask'), stderr)
      t.ok(stderr.includes(told), stderr)
      t.notMatch(stderr, /SECRET.+TOKEN/)
    }
  }
})

t.test('a proxy is told the address of a host without a name in brackets', async t => {
  const proxy = createServer()
  const asked = once(proxy, 'connect')
  proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 403 No\r\n\r\n'))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo // As node:net documents.
  using connections = new DataConnections({
    proxies: () => new URL(`http://127.0.0.1:${port}`),
  })
  const url = new URL('https://[2001:db8::1]:9292/')
  await t.rejects(
    call({ method: 'GET', url, headers: {}, connections, timeoutMs: 60_000 }),
    /refuses a tunnel to \[2001:db8::1\]:9292: 403 No/,
  )
  const [{ url: target }] = (await asked) as [{ url: string }] // As node:http documents.
  t.equal(target, '[2001:db8::1]:9292')
  proxy.close()
})

t.test('a server that cuts idle connections is not kept waiting for data', async t => {
  const server = createServer((request, response) => {
    request.resume()
    request.once('end', () => response.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo // As node:net documents.
  const sockets: Socket[] = []
  server.on('connection', socket => sockets.push(socket))
  using connections = new DataConnections()
  const url = new URL(`http://127.0.0.1:${port}`)
  const request = { method: 'PUT', url, headers: {}, connections, timeoutMs: 60_000 } as const
  const data = Buffer.from('data')
  const put = async (open: () => AsyncIterable<Uint8Array>) => {
    const answer = await send(request, data.length, async () => open())
    await once(answer.resume(), 'end')
    return answer.statusCode
  }
  t.equal(await put(() => Readable.from([data])), 200)
  const slowly = async function* () {
    const [socket] = sockets
    if (socket !== undefined && !socket.destroyed) {
      socket.end()
      await once(socket, 'close')
    }
    yield data
  }
  t.equal(await put(slowly), 200)
  t.equal(sockets.length, 2, 'the first was cut before there was anything to send')
  const closed = t.captureFn(() => {})
  const broken = async function* () {
    try {
      yield data
    } finally {
      closed()
    }
  }
  server.removeAllListeners('request').on('request', incoming => incoming.destroy())
  await t.rejects(put(broken), { code: 'unavailable' })
  t.equal(closed.calls.length, 1, 'what is not sent is closed')
})

t.test('a list of versions in the place of an answer is told as one', async t => {
  const request = { method: 'GET', url: new URL('http://glance/wrong/v2/images') }
  const versions = ['v2.9', 'v2.8'].map(id => ({
    id,
    links: [{ rel: 'self', href: 'http://glance/v2/' }],
  }))
  const type = { 'content-type': 'application/json' }
  t.match(faultOf(request, 300, type, JSON.stringify({ versions })), {
    code: 'unsupported',
    message:
      'GET http://glance/wrong/v2/images: 300 nothing is here; it says what there is: http://glance/v2/',
  })
})
