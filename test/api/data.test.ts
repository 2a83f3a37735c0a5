import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, truncateSync, unlinkSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { dial, dialUpload, next, rest, untilStatus } from '../support/connection.ts'
import { OWNER, startTestServer, type TestServer } from '../support/server.ts'

const MIB = 1024 * 1024
const CAP = 4 * MIB
const TOO_LARGE = new Uint8Array(CAP + 1)
const FORMATS = { disk_format: 'raw', container_format: 'bare' }
const NO_DISK_FORMAT = { container_format: 'bare' }

const size = (bytes: string) => ({ 'x-openstack-image-size': bytes })

const hex = (algorithm: string, data: string | Uint8Array) =>
  createHash(algorithm).update(data).digest('hex')

const download = (server: TestServer, id: string, headers = {}) =>
  server.call('GET', `/v2/images/${id}/file`, { headers })

t.test('uploading', async t => {
  const server = await startTestServer(t, { imageSizeCap: CAP })

  t.test('stores the data, and says of it size and digests', async t => {
    const id = await server.create()
    const { status, text, headers } = await server.upload(id, 'some data')
    t.same([status, text], [204, ''])
    const base64 = (algorithm: string) => createHash(algorithm).update('some data').digest('base64')
    t.equal(
      headers.get('repr-digest'),
      `md5=:${base64('md5')}:, sha-512=:${base64('sha512')}:`,
      'which the answer says already',
    )
    t.match(await server.show(id), {
      status: 'active',
      size: 9,
      virtual_size: 9,
      checksum: hex('md5', 'some data'),
      os_hash_algo: 'sha512',
      os_hash_value: hex('sha512', 'some data'),
    })
    t.equal((await download(server, id)).text, 'some data')
  })

  t.test('of no bytes is an upload like any other', async t => {
    const id = await server.create()
    t.equal((await server.upload(id, '')).status, 204)
    t.match(await server.show(id), { status: 'active', size: 0, checksum: hex('md5', '') })
    t.match(await download(server, id), { status: 200, text: '' })
  })

  t.test('in chunks, of a size that nobody said, is one as well', async t => {
    const id = await server.create()
    const socket = await dialUpload(server, id, 'Transfer-Encoding: chunked')
    socket.write('4\r\nsome\r\n')
    await untilStatus(server, id, 'saving')
    socket.write('5\r\n data\r\n0\r\n\r\n')
    const head = await next(socket)
    socket.destroy()
    t.match(head, /^HTTP\/1\.1 204 No Content\r\n/)
    t.match(await server.show(id), { status: 'active', size: 9 })
  })

  t.test('hashes with the algorithm that is configured', async t => {
    const server = await startTestServer(t, { hashingAlgorithm: 'sha256' })
    const id = await server.create()
    await server.upload(id, 'data')
    t.match(await server.show(id), {
      os_hash_algo: 'sha256',
      os_hash_value: hex('sha256', 'data'),
      checksum: hex('md5', 'data'),
    })
  })

  for (const [title, status, message, body, headers = {}, image = FORMATS] of [
    ['in another media type is 415', 415, /octet-stream/, 'data', { 'content-type': 'text/plain' }],
    ['of more than the cap is 413', 413, /^The incoming image is too large/, TOO_LARGE],
    ['of fewer bytes than the client says is 400', 400, /5 bytes/, 'data', size('5')],
    ['of more bytes than the client says is 400', 400, /3 bytes/, 'data', size('3')],
    [
      'of a size that is no number is 400',
      400,
      /^Invalid or missing image size/,
      'data',
      size('big'),
    ],
    ['without formats is 400', 400, /^Properties disk_format, container_format must/, 'x', {}, {}],
    ['without a disk format is 400', 400, /^Property disk_format must/, 'x', {}, NO_DISK_FORMAT],
  ] as const) {
    t.test(`${title}; the image is still queued, and can be uploaded`, async t => {
      const id = await server.create(image)
      const answer = await server.upload(id, body, OWNER, headers)
      t.equal(answer.status, status)
      t.match(answer.json['message'], message)
      t.match(await server.show(id), { status: 'queued', size: null, checksum: null })
      t.equal((await download(server, id)).status, 204)
      if (image === FORMATS) t.equal((await server.upload(id, 'again')).status, 204)
    })
  }

  t.test('to an image that has data is 409, and the data stays', async t => {
    const id = await server.create()
    await server.upload(id, 'first')
    const { status, json } = await server.upload(id, 'second')
    t.equal(status, 409)
    t.match(json['message'], /^Image status transition from active to saving is not allowed/)
    t.equal((await download(server, id)).text, 'first')
  })

  t.test('to an image that there is not is 404', async t => {
    t.equal((await server.upload(randomUUID(), 'data')).status, 404)
  })

  t.test('twice at once: one is stored, the other is 409', async t => {
    const id = await server.create()
    const bodies = ['a'.repeat(MIB), 'b'.repeat(MIB)]
    const answers = await Promise.all(bodies.map(body => server.upload(id, body)))
    t.same(new Set(answers.map(({ status }) => status)), new Set([204, 409]))
    const stored = bodies[answers.findIndex(({ status }) => status === 204)]
    t.equal((await download(server, id)).text, stored)
  })

  t.test('to an image that is deleted meanwhile is 410, and no data is left', async t => {
    const dataDir = t.testdir()
    const server = await startTestServer(t, { store: 'file', dataDir })
    const id = await server.create()
    const socket = await dialUpload(server, id, 'Content-Length: 9')
    socket.write('some')
    await untilStatus(server, id, 'saving')
    t.equal((await server.call('DELETE', `/v2/images/${id}`)).status, 204)
    socket.write(' data')
    const answer = await next(socket)
    socket.destroy()
    t.match(answer, /^HTTP\/1\.1 410 Gone\r\n/)
    t.same(readdirSync(join(dataDir, 'images')), [])
  })

  for (const store of ['file', 'memory'] as const) {
    t.test(
      `by a client that goes away leaves the image queued, without data (${store})`,
      async t => {
        const dataDir = t.testdir()
        const server = await startTestServer(t, { store, dataDir })
        const id = await server.create()
        const socket = await dialUpload(server, id, `Content-Length: ${MIB}`)
        socket.write('some data')
        await untilStatus(server, id, 'saving')
        socket.destroy()
        await untilStatus(server, id, 'queued')
        if (store === 'file') t.same(readdirSync(join(dataDir, 'images')), [])
        t.equal((await server.upload(id, 'again')).status, 204)
      },
    )
  }
})

t.test('many uploads and downloads at once, of which some are broken off, keep apart', async t => {
  const server = await startTestServer(t, { store: 'file', storeDir: t.testdir() }, () => {})
  const images = Array.from({ length: 12 }, (_, n) => ({
    isBrokenOff: n % 3 === 2,
    data: createHash('sha512')
      .update(`${n}`)
      .digest()
      .toString('hex')
      .repeat(20_000 + n),
  }))
  await Promise.all(
    images.map(async ({ data, isBrokenOff }) => {
      const id = await server.create()
      if (isBrokenOff) {
        const socket = await dialUpload(server, id, `Content-Length: ${data.length}`)
        socket.write(data.slice(0, MIB))
        await untilStatus(server, id, 'saving')
        socket.destroy()
        return await untilStatus(server, id, 'queued')
      }
      t.equal((await server.upload(id, data)).status, 204)
      const checksums = { checksum: hex('md5', data), os_hash_value: hex('sha512', data) }
      t.match(await server.show(id), { size: data.length, ...checksums })
      const leaving = await dial(server, `GET /v2/images/${id}/file HTTP/1.1`)
      await next(leaving)
      leaving.destroy()
      t.ok((await download(server, id)).text === data)
      const part = await download(server, id, { range: 'bytes=300000-2300000' })
      t.ok(part.text === data.slice(300_000, 2_300_001))
    }),
  )
})

t.test('what an image is said to be', async t => {
  const server = await startTestServer(t)
  const qcow2 = gunzipSync(readFileSync('fixtures/formats/qcow2-v3.gz'))
  const unsafe = gunzipSync(readFileSync('fixtures/formats/qcow2-backing.gz'))

  t.test('its data has to be; else it is 415, and the image queued', async t => {
    const id = await server.create({ disk_format: 'vmdk', container_format: 'bare' })
    const { status, json } = await server.upload(id, qcow2)
    t.equal(status, 415)
    t.match(json['message'], 'Image disk_format vmdk does not match stream data qcow2')
    t.match(await server.show(id), { status: 'queued', size: null, virtual_size: null })
    t.equal((await download(server, id)).status, 204)
    await server.patch(id, [{ op: 'replace', path: '/disk_format', value: 'qcow2' }])
    t.equal((await server.upload(id, qcow2)).status, 204)
    t.match(await server.show(id), { status: 'active', virtual_size: MIB, size: qcow2.length })
  })

  t.test('does not make it safe: a backing file is 415', async t => {
    for (const disk_format of ['qcow2', 'raw']) {
      const id = await server.create({ disk_format, container_format: 'bare' })
      const { status, json } = await server.upload(id, unsafe)
      t.equal(status, 415)
      t.match(json['message'], 'Image failed safety checks: it has a backing file')
    }
  })

  t.test('is not looked into when it is wrapped in something', async t => {
    const id = await server.create({ disk_format: 'vmdk', container_format: 'ovf' })
    t.equal((await server.upload(id, qcow2)).status, 204)
    t.match(await server.show(id), { status: 'active', virtual_size: null })
  })

  t.test('counts for less than a size that is wrong', async t => {
    const id = await server.create({ disk_format: 'vmdk', container_format: 'bare' })
    t.equal((await server.upload(id, qcow2, OWNER, size('99999999'))).status, 400)
  })

  t.test('need not be true where that is configured', async t => {
    const server = await startTestServer(t, { requireImageFormatMatch: false })
    const id = await server.create({ disk_format: 'vmdk', container_format: 'bare' })
    t.equal((await server.upload(id, qcow2)).status, 204)
    t.match(await server.show(id), { status: 'active', virtual_size: null })
  })
})

t.test('an upload that turns into nonsense is 400, and the image queued', async t => {
  const server = await startTestServer(t)
  const id = await server.create()
  const socket = await dialUpload(server, id, 'Transfer-Encoding: chunked')
  socket.write('4\r\nsome\r\n')
  await untilStatus(server, id, 'saving')
  socket.write('this is no chunk')
  t.match(await rest(socket), /^HTTP\/1\.1 400 /)
  await untilStatus(server, id, 'queued')
})

t.test('a client that asks before it sends', async t => {
  const server = await startTestServer(t)
  const ask = (id: string, size: number) =>
    dialUpload(server, id, `Content-Length: ${size}`, 'Expect: 100-continue')

  t.test('is told to go on when the data is wanted', async t => {
    const id = await server.create()
    const socket = await ask(id, 4)
    const first = await next(socket)
    t.equal(first, 'HTTP/1.1 100 Continue\r\n\r\n')
    t.match(await server.show(id), { status: 'saving' })
    socket.write('data')
    const second = await next(socket)
    t.match(second, /^HTTP\/1\.1 204 /)
    socket.destroy()
  })

  t.test('is told why not when it is not, and nothing else', async t => {
    const id = await server.create({})
    const socket = await ask(id, 100 * MIB)
    socket.once('data', () => socket.end())
    const answer = await rest(socket)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
    t.match(answer, /\r\nconnection: close\r\n/i)
    t.match(answer, /must be set prior to saving data\.\n\n {3}$/)
  })
})

t.test('a client that sends everything first sees why it was refused', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const size = 64 * MIB
  const answer = await new Promise<{ status: number | undefined; text: string }>(
    (resolve, reject) => {
      const path = `/v2/images/${randomUUID()}/file`
      const headers = { 'content-type': 'application/octet-stream', 'content-length': size }
      const sent = request({ port: server.port, method: 'PUT', path, headers }, response => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode, text }))
      })
      sent.on('error', reject)
      sent.end(Buffer.alloc(size))
    },
  )
  t.equal(answer.status, 401)
  t.match(answer.text, /^401 Unauthorized/)
})

t.test('downloading', async t => {
  const server = await startTestServer(t)
  const id = await server.create()
  await server.upload(id, '0123456789')

  t.test('is 204 while there is no data', async t => {
    t.match(await download(server, await server.create()), { status: 204, text: '' })
  })

  t.test('what there is not is 404', async t => {
    t.equal((await download(server, randomUUID())).status, 404)
  })

  t.test('the whole image says its size and MD5', async t => {
    const { status, headers, text } = await download(server, id)
    t.same([status, text], [200, '0123456789'])
    t.equal(headers.get('content-type'), 'application/octet-stream')
    t.equal(headers.get('content-length'), '10')
    t.equal(headers.get('content-md5'), hex('md5', '0123456789'))
    t.match(headers.get('x-openstack-request-id'), /^req-/)
  })

  for (const [headers, text, contentRange] of [
    [{ range: 'bytes=0-3' }, '0123', 'bytes 0-3/10'],
    [{ range: 'bytes=7-' }, '789', 'bytes 7-9/10'],
    [{ range: 'bytes=-2' }, '89', 'bytes 8-9/10'],
    [{ range: 'bytes=-20' }, '0123456789', 'bytes 0-9/10'],
    [{ range: 'bytes=8-20' }, '89', 'bytes 8-9/10'],
    [{ 'content-range': 'bytes 2-4/10' }, '234', 'bytes 2-4/10'],
    [{ range: 'bytes=0-0', 'content-range': 'bytes 2-4/10' }, '0', 'bytes 0-0/10'],
  ] as const) {
    t.test(`with ${JSON.stringify(headers)} sends ${contentRange}`, async t => {
      const answer = await download(server, id, headers)
      t.same([answer.status, answer.text], [206, text])
      t.equal(answer.headers.get('content-range'), contentRange)
      t.equal(answer.headers.get('content-md5'), hex('md5', '0123456789'), 'of the whole')
    })
  }

  for (const [headers, status] of [
    [{ range: 'bytes=10-' }, 416],
    [{ range: 'bytes=5-2' }, 416],
    [{ range: 'octets' }, 416],
    [{ range: 'bytes=0-1,3-4' }, 400],
    [{ 'content-range': 'bytes 2-20/*' }, 416],
    [{ 'content-range': 'nonsense' }, 416],
  ] as const) {
    t.test(`with ${JSON.stringify(headers)} is ${status}`, async t => {
      t.equal((await download(server, id, headers)).status, status)
    })
  }

  t.test('many at once all get the same bytes', async t => {
    const data = Buffer.alloc(3 * MIB, 'some pattern ')
    const id = await server.create()
    await server.upload(id, data)
    const answers = await Promise.all(Array.from({ length: 16 }, () => download(server, id)))
    for (const { text } of answers) t.ok(text === data.toString())
  })

  t.test('data that the store has lost is 204', async t => {
    const { server, id, path } = await stored(t)
    unlinkSync(path)
    t.equal((await download(server, id)).status, 204)
    t.equal((await server.call('DELETE', `/v2/images/${id}`)).status, 204)
  })

  t.test('data that was cut short in its store is 503, also a part of it', async t => {
    const { server, id, path } = await stored(t)
    truncateSync(path, 2 * MIB)
    const { status, json } = await download(server, id)
    t.equal(status, 503)
    t.match(json['message'], /is 8388608 bytes, but its store has 2097152/)
    t.equal((await download(server, id, { range: 'bytes=0-9' })).status, 503)
  })

  t.test('data that is cut short while it is sent breaks the connection', async t => {
    const { server, id, path } = await stored(t, () => {}, 64 * MIB)
    const socket = await dial(server, `GET /v2/images/${id}/file HTTP/1.1`)
    t.match(await next(socket), /^HTTP\/1\.1 200 /)
    socket.pause()
    truncateSync(path, 60 * MIB)
    t.ok((await rest(socket)).length < 60 * MIB, 'a part is never taken for the whole')
  })

  t.test('by a client that goes away is no error of ours', async t => {
    const { server, id } = await stored(t)
    const socket = await dial(server, `GET /v2/images/${id}/file HTTP/1.1`)
    await next(socket)
    socket.destroy()
    t.equal((await download(server, id)).status, 200)
  })

  async function stored(t: Test, report?: () => void, bytes = 8 * MIB) {
    const storeDir = t.testdir()
    const server = await startTestServer(t, { store: 'file', storeDir }, report)
    const id = await server.create()
    await server.upload(id, Buffer.alloc(bytes, 'x'))
    return { server, id, path: join(storeDir, id) }
  }
})
