import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import { fetchUrl } from '../../lib/http/fetch-url.ts'
import { admit, DEFAULT_FILTER, type LookUp, type UriFilter } from '../../lib/http/uri-filter.ts'
import { HttpStore } from '../../lib/store/http.ts'
import { collect } from '../../lib/compliance/bytes.ts'

/** Lets tests read what they serve themselves. */
const LOCAL: UriFilter = { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] }

const at =
  (address: string): LookUp =>
  async () => [{ address, family: address.includes(':') ? 6 : 4 }]

t.test('a URL that a user gave', async t => {
  for (const [title, url, filter, address] of [
    ['may be at a public address', 'http://a.example/x', {}, '93.184.216.34'],
    ['may be at a public IPv6 address', 'https://a.example/', {}, '2606:2800::1'],
    ['may name a port that is allowed', 'http://a.example:443/', {}, '93.184.216.34'],
    [
      'may be at an internal address when its host is allowed',
      'http://a.example/',
      { allowedHosts: ['a.example'] },
      '10.0.0.1',
    ],
    [
      'may end the name of its host in a dot',
      'http://a.example./',
      { allowedHosts: ['a.example'] },
      '10.0.0.1',
    ],
    [
      'may be at an internal address that is allowed, however that is spelled',
      'http://[fd00::1]/',
      { allowedHosts: ['FD00:0:0:0:0:0:0:1'] },
      'fd00::1',
    ],
    [
      'may have its host written in capitals in the configuration',
      'http://a.example/',
      { allowedHosts: ['A.Example.'] },
      '10.0.0.1',
    ],
    [
      'is not held against hosts that are not allowed while some are',
      'http://a.example/',
      { allowedHosts: ['a.example'], disallowedHosts: ['a.example'] },
      '93.184.216.34',
    ],
  ] as const) {
    t.test(title, async t => {
      const look = at(address)
      const found = await admit(new URL(url), { ...DEFAULT_FILTER, ...filter }, look)
      t.equal(found.address, address)
    })
  }

  for (const [url, filter, address = '93.184.216.34'] of [
    ['file:///etc/passwd', {}],
    ['ftp://a.example/', { allowedSchemes: ['ftp'] }],
    ['http://a.example/', { allowedSchemes: ['https'] }],
    ['http://a.example/', { allowedSchemes: [], disallowedSchemes: ['http'] }],
    ['http://a.example:22/', {}],
    ['http://a.example:8080/', { allowedPorts: [], disallowedPorts: [8080] }],
    ['http://b.example/', { allowedHosts: ['a.example'] }],
    ['http://a.example/', { disallowedHosts: ['a.example'] }],
    ['http://a.example/', { disallowedHosts: ['A.EXAMPLE'] }],
    ['http://b\u00fccher.example/', { disallowedHosts: ['B\u00dcCHER.example'] }],
    ['http://a.example/', { disallowedHosts: ['93.184.216.34'] }],
    ['http://93.184.216.34/', { disallowedHosts: ['0x5d.184.216.34'] }],
    ['http://[2606:2800::1]/', { disallowedHosts: ['2606:2800:0:0:0:0:0:1'] }],
    ['http://a.example/', { disallowedHosts: ['[2606:2800:0::1]'] }, '2606:2800::1'],
    ['http://localhost/', {}, '127.0.0.1'],
    ['http://a.example/', {}, '127.8.9.10'],
    ['http://a.example/', {}, '::1'],
    ['http://a.example/', {}, '::ffff:127.0.0.1'],
    ['http://a.example/', {}, '64:ff9b::7f00:1'],
    ['http://a.example/', {}, '::127.0.0.1'],
    ['http://a.example/', {}, '::ffff:0:127.0.0.1'],
    ['http://a.example/', {}, '100::1'],
    ['http://a.example/', {}, '2001:db8::1'],
    ['http://a.example/', {}, '2001:2::1'],
    ['http://a.example/', {}, '2002:7f00:1::'],
    ['http://a.example/', {}, '3fff::1'],
    ['http://a.example/', {}, '4000::1'],
    ['http://a.example/', {}, '5f00::1'],
    ['http://a.example/', {}, 'fec0::1'],
    ['http://a.example/', {}, 'fe80::1%lo'],
    ['http://a.example/', {}, '192.0.2.1'],
    ['http://a.example/', {}, '192.88.99.1'],
    ['http://a.example/', {}, '198.51.100.1'],
    ['http://a.example/', {}, '203.0.113.1'],
    ['http://a.example/', {}, '169.254.169.254'],
    ['http://a.example/', {}, 'fe80::1'],
    ['http://a.example/', {}, '10.1.2.3'],
    ['http://a.example/', {}, '172.31.0.1'],
    ['http://a.example/', {}, '192.168.1.1'],
    ['http://a.example/', {}, '100.64.0.1'],
    ['http://a.example/', {}, 'fd00::1'],
    ['http://a.example/', {}, '0.0.0.0'],
    ['http://a.example/', {}, '::'],
    ['http://a.example/', {}, '224.0.0.1'],
    ['http://a.example/', {}, '255.255.255.255'],
    ['http://2130706433/', {}],
    ['http://0x7f.1/', {}],
    ['http://0177.0.0.1/', {}],
    ['http://127.1/', {}],
    ['http://[::1]/', {}],
    ['http://[::ffff:10.0.0.1]/', {}],
    ['http://user:pass@127.0.0.1/', {}],
  ] as const) {
    const where = address === '93.184.216.34' ? '' : ` at ${address}`
    t.test(`is refused: ${url}${where} ${JSON.stringify(filter)}`, async t => {
      const admitting = admit(new URL(url), { ...DEFAULT_FILTER, ...filter }, at(address))
      await t.rejects(admitting, { code: 'invalid', message: /may not be fetched/ })
    })
  }

  t.test('goes to the first of several addresses that is public', async t => {
    const both: LookUp = async () => [
      { address: '10.0.0.1', family: 4 },
      { address: '93.184.216.34', family: 4 },
    ]
    const { address } = await admit(new URL('http://a.example/'), DEFAULT_FILTER, both)
    t.equal(address, '93.184.216.34')
  })

  t.test('whose host is not known is refused', async t => {
    const unknown: LookUp = async () => {
      throw new Error('ENOTFOUND')
    }
    await t.rejects(admit(new URL('http://a.example/'), DEFAULT_FILTER, unknown), {
      code: 'invalid',
      message: 'not known',
    })
  })
})

t.test('fetching', async t => {
  t.test('connects to the address that was checked, whatever the name means later', async t => {
    const { port } = await listen(t, (request, response) => response.end(request.headers.host))
    let lookUps = 0
    const look: LookUp = async () => {
      lookUps += 1
      return [{ address: lookUps === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
    }
    const filter = { ...LOCAL, allowedHosts: ['rebound.example'] }
    const answer = await fetchUrl(new URL(`http://rebound.example:${port}/`), { filter, look })
    t.equal(await textOf(answer), `rebound.example:${port}`)
    t.equal(lookUps, 1)
  })

  t.test('holds what it is redirected to against the filter as well', async t => {
    const targets: string[] = []
    const { url } = await listen(t, (request, response) => {
      targets.push(request.url ?? '')
      response.writeHead(302, { location: 'http://localhost:1/secret' }).end()
    })
    await t.rejects(fetchUrl(new URL(url), { filter: LOCAL }), { code: 'invalid' })
    t.same(targets, ['/'])
  })

  t.test('follows few redirects, and sends its headers to the first host only', async t => {
    const seen: (string | undefined)[] = []
    const other = await listen(t, (request, response) => {
      seen.push(request.headers['x-auth-token'] as string | undefined)
      response.end('there')
    })
    const { url } = await listen(t, (request, response) => {
      const [, left] = /^\/(\d)$/.exec(request.url ?? '') ?? []
      const location = left === '0' ? other.url : `/${Number(left) - 1}`
      response.writeHead(307, { location }).end()
    })
    const headers = { 'x-auth-token': 'secret' }
    const answer = await fetchUrl(new URL(`${url}4`), { filter: LOCAL, headers })
    t.equal(await textOf(answer), 'there')
    t.same(seen, [undefined])
    await t.rejects(fetchUrl(new URL(`${url}9`), { filter: LOCAL }), { message: 'too often' })
  })

  t.test('sends its headers to no other service of the same host', async t => {
    const seen: (string | undefined)[] = []
    const plain = createServer((request, response) => {
      seen.push(request.headers['x-auth-token'] as string | undefined)
      response.end('there')
    })
    const safe = createTlsServer(
      { key: readFileSync('fixtures/tls/key.pem'), cert: readFileSync('fixtures/tls/cert.pem') },
      ({ headers: { host } }, response) =>
        response.writeHead(302, { location: `http://${host}/` }).end(),
    )
    // One port for both, so that nothing but the scheme tells them apart.
    const either = createTcpServer(socket => {
      socket.once('data', chunk => {
        socket.pause().unshift(chunk)
        const isTls = chunk[0] === 0x16
        if (isTls) safe.emit('connection', socket)
        else plain.emit('connection', socket.resume())
      })
    })
    either.listen(0, '127.0.0.1')
    await once(either, 'listening')
    t.teardown(() => either.close())
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    t.teardown(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const address = either.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const answer = await fetchUrl(new URL(`https://127.0.0.1:${port}/`), {
      filter: LOCAL,
      headers: { 'x-auth-token': 'secret' },
    })
    t.equal(await textOf(answer), 'there')
    t.same(seen, [undefined])
  })

  t.test('is given up when it is told to, and when nothing comes', async t => {
    const { url } = await listen(t, () => {})
    const reason = new Error('enough')
    const controller = new AbortController()
    const waiting = fetchUrl(new URL(url), { filter: LOCAL, signal: controller.signal })
    setImmediate(() => controller.abort(reason))
    await t.rejects(waiting, reason)
    const slow = fetchUrl(new URL(url), { filter: LOCAL, timeoutMs: 20 })
    await t.rejects(slow, { code: 'unavailable', message: 'nothing came' })
  })

  t.test('from nobody is unreachable', async t => {
    const { url, close } = await listen(t, () => {})
    close()
    await t.rejects(fetchUrl(new URL(url), { filter: LOCAL }), { code: 'unreachable' })
  })
})

t.test('the http store', async t => {
  const data = Buffer.from('0123456789')
  const { url } = await listen(t, (request, response) => {
    const [, kind = ''] = /^\/(\w+)/.exec(request.url ?? '') ?? []
    const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (kind === 'absent') response.writeHead(404).end()
    else if (kind === 'broken') response.writeHead(503).end()
    else if (kind === 'private') response.writeHead(403).end()
    else if (kind === 'unsized') response.writeHead(200).end(data)
    else if (kind === 'short') {
      response.writeHead(200, { 'content-length': '20' }).write(data, () => response.destroy())
    } else if (kind === 'ranges' && first !== '') {
      const part = data.subarray(Number(first), Number(last) + 1)
      const range = `bytes ${first}-${last}/${data.length}`
      response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
    } else response.writeHead(200, { 'content-length': data.length }).end(data)
  })
  const store = new HttpStore('web', LOCAL)
  const read = async (...parameters: Parameters<HttpStore['open']>) =>
    (await collect(await store.open(...parameters))).toString()

  t.test('reads what is there, and says how much', async t => {
    t.equal(await store.size({ url: `${url}whole` }), 10)
    t.equal(await read({ url: `${url}whole` }), '0123456789')
  })

  for (const kind of ['ranges', 'whole', 'unsized']) {
    t.test(`reads a part (${kind})`, async t => {
      t.equal(await read({ url: url + kind }, { offset: 2, length: 3 }), '234')
      t.equal(await read({ url: url + kind }, { offset: 7, length: 3 }), '789')
      t.equal(await read({ url: url + kind }, { offset: 4, length: 0 }), '')
    })
  }

  t.test('knows no size when the server says none', async t => {
    t.equal(await store.size({ url: `${url}unsized` }), 0)
  })

  t.test('never takes a part for the whole', async t => {
    await t.rejects(read({ url: `${url}short` }), { code: 'unavailable' })
    await t.rejects(read({ url: `${url}whole` }, { offset: 8, length: 3 }), {
      code: 'unsatisfiable_range',
    })
    await t.rejects(read({ url: `${url}unsized` }, { offset: 8, length: 3 }), { code: 'corrupt' })
  })

  for (const [kind, code] of [
    ['absent', 'not_found'],
    ['broken', 'unavailable'],
    ['private', 'invalid'],
  ] as const) {
    t.test(`says ${code} for what is ${kind}`, async t => {
      await t.rejects(store.size({ url: url + kind }), { code })
      await t.rejects(store.open({ url: url + kind }), { code })
    })
  }

  t.test('reads only what the filter lets through', async t => {
    const store = new HttpStore('web', DEFAULT_FILTER)
    await t.rejects(store.size({ url }), { code: 'invalid' })
    await t.rejects(store.open({ url: 'file:///etc/passwd' }), { code: 'invalid' })
  })

  t.test('keeps nothing', async t => {
    t.notOk(store.writable)
    t.ok(store.holds({ url: 'https://a.example/x' }))
    for (const other of ['file:///x', 'http://', '']) t.notOk(store.holds({ url: other }), other)
    t.throws(() => store.locate(), { code: 'unsupported' })
    await t.rejects(store.add(), { code: 'unsupported' })
    await t.rejects(store.delete(), { code: 'unsupported' })
  })
})

async function listen(t: Test, answer: RequestListener) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return { url: `http://127.0.0.1:${port}/`, port, close }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  return (await collect(answer)).toString()
}
