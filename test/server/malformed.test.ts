import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { rest, untilStatus } from '../support/connection.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const CREATE = 'POST /v2/images HTTP/1.1\r\nHost: glance\r\n'
const CHUNKED = `${CREATE}Transfer-Encoding: chunked\r\n\r\n`
const LIST = 'GET /v2/images HTTP/1.1\r\nHost: glance\r\n'
const END = '0\r\n\r\n'

/** Bytes of headers that a request may have. */
const HEADERS = 64 * 1024

async function open(server: TestServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** All that comes until the server closes. That it resets what was not read is no matter. */
async function answersTo(server: TestServer, text: string): Promise<string> {
  const socket = await open(server)
  socket.write(text, 'latin1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

function statusesIn(answers: string): readonly number[] {
  return [...answers.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => Number(status))
}

async function images(server: TestServer): Promise<unknown> {
  return (await server.call('GET', '/v2/images')).json['images']
}

/** Requests, each of which would create an image if it were read. */
const MALFORMED: Readonly<Record<string, string>> = {
  'a length and chunks': `${CREATE}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n${END}`,
  'chunks and a length': `${CREATE}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n${END}`,
  'two lengths': `${CREATE}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
  'the same length twice': `${CREATE}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  'a list of lengths': `${CREATE}Content-Length: 2, 2\r\n\r\n{}`,
  'a negative length': `${CREATE}Content-Length: -2\r\n\r\n{}`,
  'a length with a sign': `${CREATE}Content-Length: +2\r\n\r\n{}`,
  'a length in hexadecimal': `${CREATE}Content-Length: 0x2\r\n\r\n{}`,
  'a length of nothing': `${CREATE}Content-Length: \r\n\r\n{}`,
  'a length of more than 64 bits': `${CREATE}Content-Length: 99999999999999999999\r\n\r\n{}`,
  'chunks twice': `${CREATE}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n${END}`,
  'chunks that are undone': `${CREATE}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n${END}`,
  'chunks within another coding': `${CREATE}Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n${END}`,
  'a coding that ends nowhere': `${CREATE}Transfer-Encoding: gzip\r\n\r\n{}`,
  'a coding nearly called so': `${CREATE}Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n${END}`,
  'a coding in quotes': `${CREATE}Transfer-Encoding: "chunked"\r\n\r\n2\r\n{}\r\n${END}`,
  'a coding behind a vertical tab': `${CREATE}Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n${END}`,
  'a coding on the next line': `${CREATE}Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{}\r\n${END}`,
  'a space before the colon of a coding': `${CREATE}Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n${END}`,
  'chunks in HTTP/1.0': `${CHUNKED.replace('1.1', '1.0')}2\r\n{}\r\n${END}`,

  'a first line that ends in a bare LF': 'GET /v2/images HTTP/1.1\nHost: glance\r\n\r\n',
  'a header that ends in a bare LF': `${LIST}X-A: b\nX-B: c\r\n\r\n`,
  'headers that end in a bare LF': `${LIST}\n`,
  'a bare CR in a header': `${LIST}X-A: b\rX-B: c\r\n\r\n`,
  'a header that goes on in the next line': `${LIST}X-A: b\r\n c\r\n\r\n`,
  'a space before a colon': `${LIST}X-A : b\r\n\r\n`,
  'a space before a header': `GET /v2/images HTTP/1.1\r\n Host: glance\r\n\r\n`,
  'a header without a colon': `${LIST}X-A\r\n\r\n`,
  'a header without a name': `${LIST}: b\r\n\r\n`,
  'a NUL in a header': `${LIST}X-A: a\0b\r\n\r\n`,
  'no host': 'GET /v2/images HTTP/1.1\r\n\r\n',
  'two hosts': `${LIST}Host: other\r\n\r\n`,
  'HTTP/0.9': 'GET /v2/images\r\n\r\n',
  'HTTP/1.2': 'GET /v2/images HTTP/1.2\r\nHost: glance\r\n\r\n',
  'HTTP/2 without having asked': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a space in the path': 'GET /v2/ima ges HTTP/1.1\r\nHost: glance\r\n\r\n',
  'tabs in the first line': 'GET\t/v2/images\tHTTP/1.1\r\nHost: glance\r\n\r\n',
  'a verb of 5000 letters': `${'A'.repeat(5000)} / HTTP/1.1\r\nHost: glance\r\n\r\n`,

  'the size of a chunk that ends in a bare LF': `${CHUNKED}2\n{}\r\n${END}`,
  'a chunk that ends in a bare LF': `${CHUNKED}2\r\n{}\n${END}`,
  'chunks that end in bare LFs': `${CHUNKED}2\r\n{}\r\n0\n\n`,
  'a chunk without a size': `${CHUNKED}\r\n{}\r\n${END}`,
  'a chunk of a size that is no number': `${CHUNKED}z\r\n{}\r\n${END}`,
  'a chunk of negative size': `${CHUNKED}-2\r\n{}\r\n${END}`,
  'a chunk of a size with a sign': `${CHUNKED}+2\r\n{}\r\n${END}`,
  'a chunk of a size with 0x': `${CHUNKED}0x2\r\n{}\r\n${END}`,
  'a chunk with a space before its size': `${CHUNKED} 2\r\n{}\r\n${END}`,
  'a chunk with a space behind its size': `${CHUNKED}2 \r\n{}\r\n${END}`,
  'a chunk of two sizes': `${CHUNKED}2,2\r\n{}\r\n${END}`,
  'a chunk of more than 64 bits': `${CHUNKED}FFFFFFFFFFFFFFFFF\r\n{}\r\n${END}`,
  'a chunk longer than it says': `${CHUNKED}2\r\n{}}\r\n${END}`,
  'a chunk shorter than it says': `${CHUNKED}5\r\n{}\r\n${END}`,
  'an extension of a chunk that is none': `${CHUNKED}2;\r\n{}\r\n${END}`,
  'a bare LF in an extension': `${CHUNKED}2;a\nb\r\n{}\r\n${END}`,
  'a bare CR in an extension': `${CHUNKED}2;a\rb\r\n{}\r\n${END}`,
  'an extension with one quote': `${CHUNKED}2;a="b\r\n{}\r\n${END}`,
  'a trailer without a colon': `${CHUNKED}2\r\n{}\r\n0\r\nX-A\r\n\r\n`,
  'a trailer that ends in a bare LF': `${CHUNKED}2\r\n{}\r\n0\r\nX-A: b\n\r\n`,
}

t.test('what can be read in two ways is 400, makes nothing, and ends the connection', async t => {
  const server = await startTestServer(t)
  for (const [what, text] of Object.entries(MALFORMED)) {
    t.test(what, async t => {
      t.strictSame(statusesIn(await answersTo(server, `${text}${LIST}\r\n`)), [400])
      t.strictSame(await images(server), [])
    })
  }
})

t.test('what is not known below the API is 501, and ends the connection', async t => {
  const server = await startTestServer(t)
  for (const [what, text] of [
    [
      'a coding within chunks',
      `${CREATE}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n${END}`,
    ],
    ['a tunnel', 'CONNECT images:80 HTTP/1.1\r\nHost: glance\r\n\r\n'],
  ] as const) {
    t.test(what, async t => {
      t.strictSame(statusesIn(await answersTo(server, text)), [501])
    })
  }
  t.strictSame(await images(server), [])
})

t.test('what is well-formed is taken', async t => {
  const server = await startTestServer(t)
  for (const [what, text] of [
    ['chunks', `2\r\n{}\r\n${END}`],
    ['chunks with extensions, also in quotes', `2;a=b;c="d e"\r\n{}\r\n0;f\r\n\r\n`],
    ['chunks with leading zeros', `0002\r\n{}\r\n000\r\n\r\n`],
    ['a trailer', '2\r\n{}\r\n0\r\nX-A: b\r\n\r\n'],
  ] as const) {
    t.test(what, async t => {
      const closing = CHUNKED.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
      t.strictSame(statusesIn(await answersTo(server, closing + text)), [201])
    })
  }
  t.test('empty lines before a request', async t => {
    const text = `\r\n\r\n${LIST}Connection: close\r\n\r\n`
    t.strictSame(statusesIn(await answersTo(server, text)), [200])
  })
})

t.test('what comes behind a request that was read is no part of it', async t => {
  const server = await startTestServer(t)
  for (const [what, text] of [
    ['of a length', `${CREATE}Content-Length: 2\r\n\r\n{}`],
    ['in chunks', `${CHUNKED}2\r\n{}\r\n${END}`],
  ] as const) {
    t.test(`${what}: it is answered, and the connection closed`, async t => {
      const answers = await answersTo(server, `${text}GARBAGE\r\n\r\n`)
      t.strictSame(statusesIn(answers), [201])
      t.match(answers, /^connection: close\r$/im)
    })
  }
})

t.test('an upload', async t => {
  const server = await startTestServer(t, { imageSizeCap: 100_000 })
  const refused = async (t: Test, text: string, status: number) => {
    const id = await server.create()
    const socket = await open(server)
    socket.on('error', () => {}) // What was not read may be answered by a reset.
    socket.write(
      `PUT /v2/images/${id}/file HTTP/1.1\r\nHost: glance\r\nTransfer-Encoding: chunked\r\n`,
    )
    socket.write(`Content-Type: application/octet-stream\r\n\r\n4\r\ndata\r\n${text}`)
    const [answer] = (await once(socket, 'data')) as [Buffer] // No encoding is set.
    t.strictSame(statusesIn(answer.toString()), [status])
    socket.destroy()
    await untilStatus(server, id, 'queued')
    t.match(await server.show(id), { size: null, checksum: null })
    t.equal((await server.upload(id, 'again')).status, 204, 'and can be uploaded')
  }

  for (const [what, text] of [
    ['a chunk without a size', '\r\n'],
    ['a chunk longer than it says', '4\r\nimages\r\n'],
    ['a bare LF', '4\ndata\r\n'],
    ['an end that is cut off by something else', '0\r\nGET / HTTP/1.1\r\n\r\n'],
  ] as const) {
    t.test(`with ${what} is 400, and the image is queued`, async t => {
      await refused(t, text, 400)
    })
  }

  t.test('in a chunk that says to be of any size is held to the cap, by what comes', async t => {
    await refused(t, `FFFFFFFFFFFFFFFF\r\n${'x'.repeat(300_000)}`, 413)
  })
})

t.test('what is too large to be read is said to be so, once', async t => {
  const server = await startTestServer(t)
  for (const [what, text, status] of [
    ['a header', `${LIST}X-A: ${'x'.repeat(HEADERS)}\r\n\r\n`, 431],
    ['headers together', `${LIST}${`X-A: ${'x'.repeat(1000)}\r\n`.repeat(66)}\r\n`, 431],
    ['a URL', `GET /v2/images?${'x'.repeat(HEADERS)} HTTP/1.1\r\nHost: glance\r\n\r\n`, 431],
    ['extensions of a chunk', `${CHUNKED}2;a=${'x'.repeat(HEADERS)}\r\n{}\r\n${END}`, 413],
  ] as const) {
    t.test(`${what}: ${status}`, async t => {
      t.strictSame(statusesIn(await answersTo(server, text)), [status])
    })
  }

  t.test('a document, by its length, before it is sent: 413', async t => {
    const socket = await open(server)
    socket.write(`${CREATE}Content-Length: ${4 * 1024 ** 2 + 1}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer] // No encoding is set.
    t.strictSame(statusesIn(answer.toString()), [413])
    socket.destroy()
  })

  t.test('of many small headers none is passed over', async t => {
    const many = Array.from({ length: 3000 }, (_, n) => `X-${n}: a\r\n`).join('')
    const last = 'X-OpenStack-Request-Id: req-last\r\nConnection: close\r\n'
    t.match(await answersTo(server, `${LIST}${many}${last}\r\n`), 'req-last')
  })
})

t.test('a client that is slow', async t => {
  const server = await startTestServer(t, { headerTimeoutMs: 200, keepAliveTimeoutMs: 100 })

  for (const [what, text] of [
    ['says nothing', ''],
    ['does not come to the end of a header', 'GET /v2/images HTTP/1.1\r\nX-A: '],
    ['does not come to the end of its headers', LIST],
    ['does not come to the end of its document', `${CREATE}Content-Length: 100\r\n\r\n{`],
    ['does not come to the end of its chunks', `${CHUNKED}2\r\n{}\r\n`],
    ['does not come to the end of its trailers', `${CHUNKED}2\r\n{}\r\n0\r\nX-A: `],
  ] as const) {
    t.test(`and ${what} is 408, and cut off`, async t => {
      t.strictSame(statusesIn(await answersTo(server, text)), [408])
    })
  }

  for (const [what, text, status] of [
    ['a document that is refused', `${CREATE.replace('images', 'none')}Content-Length: 9`, 404],
    ['a length that nobody asked for', `${LIST}Content-Length: 9`, 200],
    ['chunks that nobody asked for', `${LIST}Transfer-Encoding: chunked`, 200],
  ] as const) {
    t.test(`and does not come to the end of ${what} is answered, and cut off`, async t => {
      t.strictSame(statusesIn(await answersTo(server, `${text}\r\n\r\n`)), [status])
    })
  }

  t.test(
    'and asks first whether it may do what we do not know is told so, and cut off',
    async t => {
      const text = `${CREATE}Content-Length: 9\r\nExpect: luck\r\n\r\n`
      t.strictSame(statusesIn(await answersTo(server, text)), [417])
    },
  )

  t.test('asks no second time is cut off without a word', async t => {
    t.strictSame(statusesIn(await answersTo(server, `${LIST}\r\n`)), [200])
  })

  t.test('takes its time over the data is not', async t => {
    const id = await server.create()
    const socket = await open(server)
    socket.write(`PUT /v2/images/${id}/file HTTP/1.1\r\nHost: glance\r\nContent-Length: 8\r\n`)
    socket.write('Content-Type: application/octet-stream\r\nConnection: close\r\n\r\nsome')
    await answersTo(server, '') // By then the time is over that a head may take.
    socket.write('data')
    t.strictSame(statusesIn(await rest(socket)), [204])
  })

  t.test('has to come to the end of the handshake of TLS in that time', async t => {
    const files = { certFile: 'fixtures/tls/server.pem', keyFile: 'fixtures/tls/server.key' }
    const server = await startTestServer(t, { ...files, headerTimeoutMs: 200 })
    t.equal(await answersTo(server, ''), '')
  })
})

t.test('max_connections: one more is closed, and served once there is room', async t => {
  const server = await startTestServer(t, { maxConnections: 2 })
  const taken = [await open(server), await open(server)]
  t.equal(await answersTo(server, `${LIST}\r\n`), '')
  taken[0]?.destroy()
  const closing = `${LIST}Connection: close\r\n\r\n`
  let answers = ''
  while (answers === '') answers = await answersTo(server, closing)
  t.strictSame(statusesIn(answers), [200])
  taken[1]?.destroy()
})
