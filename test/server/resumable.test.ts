import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { ServerConfig } from '../../lib/server/config.ts'
import { startServer } from '../../lib/server/start.ts'
import { dial, next, rest, untilStatus as untilShown } from '../support/connection.ts'
import { bytesOf, idOf } from '../support/images.ts'
import {
  type Answer,
  MEMBER,
  OWNER,
  startTestServer,
  STRANGER,
  type TestServer,
  user,
} from '../support/server.ts'
import { startService, type TestService } from '../support/service.ts'
import { CLOSING, create, untilStatus } from '../support/service-requests.ts'
import { soon } from '../support/soon.ts'

const MIB = 1024 * 1024
const DATA = bytesOf(1, 3 * MIB + 17)
const HEAD_SIZE = 2 * MIB + 5
const QCOW2 = { disk_format: 'qcow2', container_format: 'bare' }

const hex = (algorithm: string, data: Uint8Array) =>
  createHash(algorithm).update(data).digest('hex')
const base64 = (algorithm: string, data: Uint8Array) =>
  createHash(algorithm).update(data).digest('base64')

const pathOf = (id: string) => `/resumable-uploads/images/${id}/file`

/** A service that offers them, its images in memory, and the folder of what has come. */
async function startResumable(
  t: Test,
  overrides: Partial<ServerConfig> = {},
  now?: () => Date,
): Promise<{ readonly server: TestServer; readonly parts: () => readonly string[] }> {
  const folder = join(t.testdir(), 'uploads')
  const settings = { resumableUploadDir: folder, ...overrides }
  const server = await startTestServer(t, settings, undefined, now)
  return { server, parts: () => readdirSync(folder).filter(name => !name.startsWith('.')) }
}

const append = async (
  server: TestServer,
  id: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>>,
  as = OWNER,
): Promise<Answer> => {
  const type = { 'content-type': 'application/partial-upload' }
  return await server.call('PATCH', pathOf(id), { as, headers: { ...type, ...headers }, body })
}

const at = (offset: number, complete: boolean, others: Readonly<Record<string, string>> = {}) => ({
  'upload-offset': String(offset),
  'upload-complete': complete ? '?1' : '?0',
  ...others,
})

async function offsetOf(server: TestServer, id: string): Promise<[number, string | null]> {
  const { status, headers } = await server.call('HEAD', pathOf(id), { as: OWNER })
  if (status !== 204) throw new Error(`HEAD: ${status}`)
  return [Number(headers.get('upload-offset')), headers.get('upload-complete')]
}

/** A last append of which so many bytes are sent. */
async function begin(
  server: Pick<TestServer, 'port'>,
  id: string,
  sent: Uint8Array,
  { from = 0, length = DATA.length } = {},
): Promise<Socket> {
  const socket = await dial(
    server,
    `PATCH ${pathOf(id)} HTTP/1.1`,
    'Content-Type: application/partial-upload',
    `Upload-Offset: ${from}`,
    `Upload-Length: ${length}`,
    'Upload-Complete: ?1',
    `Content-Length: ${length - from}`,
  )
  socket.on('error', () => {})
  socket.write(sent)
  return socket
}

t.test('a service says that it takes uploads which go on where they broke off', async t => {
  const { server } = await startResumable(t, { imageSizeCap: 5 * MIB })

  t.test('at a path of its own, to everybody', async t => {
    const { status, headers, json } = await server.call('GET', '/resumable-uploads')
    t.equal(status, 200)
    t.equal(headers.get('content-type'), 'application/json')
    t.same(json, {
      resumable_uploads: {
        version: 1,
        resource: 'resumable-uploads/images/{image_id}/file',
        max_size: 5 * MIB,
        max_age: 172_800,
      },
    })
  })

  t.test('which takes no other methods', async t => {
    for (const path of ['/resumable-uploads', pathOf(idOf(1))]) {
      const { status, headers } = await server.call('POST', path)
      t.equal(status, 405)
      t.match(headers.get('allow'), /HEAD/)
    }
  })

  t.test('and without them there is nothing but a choice of versions, as in a Glance', async t => {
    const without = await startTestServer(t)
    const disabled = await startTestServer(t, { dataApi: 'sqlite', resumableUploadExpiry: 0 })
    for (const { call } of [without, disabled]) {
      t.equal((await call('GET', '/resumable-uploads')).status, 300)
      t.equal((await call('HEAD', pathOf(idOf(1)))).status, 300)
    }
  })

  t.test('and nothing of the API differs for it', async t => {
    const plain = await startTestServer(t)
    for (const path of ['/versions', '/v2/schemas/image', '/healthcheck']) {
      const [one, other] = [await server.call('GET', path), await plain.call('GET', path)]
      t.equal(one.text.replaceAll(server.url, plain.url), other.text)
      const names = ({ headers }: Answer) => [...headers.keys()]
      t.same(names(one), names(other))
    }
    const id = await server.create()
    await append(server, id, 'some', at(0, false))
    const waits = await plain.create()
    t.same(Object.keys(await server.show(id)), Object.keys(await plain.show(waits)))
    for (const method of ['HEAD', 'PATCH', 'OPTIONS']) {
      const path = (id: string) => `/v2/images/${id}/file`
      const one = await server.call(method, path(id), { as: OWNER })
      const other = await plain.call(method, path(waits), { as: OWNER })
      t.same([one.status, one.text], [other.status, other.text])
    }
  })
})

t.test('an upload', async t => {
  const { server, parts } = await startResumable(t)

  t.test('begins at nothing, and needs no other beginning', async t => {
    const id = await server.create()
    const { status, headers } = await server.call('HEAD', pathOf(id), { as: OWNER })
    t.equal(status, 204)
    t.match(Object.fromEntries(headers), {
      'upload-offset': '0',
      'upload-complete': '?0',
      'upload-limit': `max-size=${1024 ** 4}, max-age=172800`,
      'cache-control': 'no-store',
    })
    t.notOk(headers.has('upload-length'))
  })

  t.test('comes in as many requests as its client likes', async t => {
    const id = await server.create()
    const digest = `md5=:${base64('md5', DATA)}:, sha-512=:${base64('sha512', DATA)}:`
    const said = { 'upload-length': String(DATA.length), 'repr-digest': digest }
    const first = await append(server, id, DATA.subarray(0, MIB), at(0, false, said))
    t.equal(first.status, 204)
    t.equal(first.headers.get('upload-offset'), String(MIB))
    t.equal(first.headers.get('upload-complete'), '?0')
    t.equal((await server.show(id))['status'], 'queued')
    const { headers } = await server.call('HEAD', pathOf(id), { as: OWNER })
    t.equal(headers.get('upload-length'), String(DATA.length))
    t.equal(headers.get('repr-digest'), digest)
    await append(server, id, DATA.subarray(MIB, HEAD_SIZE), at(MIB, false))
    t.same(await offsetOf(server, id), [HEAD_SIZE, '?0'])
    const last = await append(server, id, DATA.subarray(HEAD_SIZE), at(HEAD_SIZE, true))
    t.same([last.status, last.text], [204, ''])
    t.equal(last.headers.get('upload-complete'), '?1')
    t.same(await offsetOf(server, id), [DATA.length, '?1'])
    t.match(await server.show(id), {
      status: 'active',
      size: DATA.length,
      virtual_size: DATA.length,
      checksum: hex('md5', DATA),
      os_hash_algo: 'sha512',
      os_hash_value: hex('sha512', DATA),
    })
    const stored = await fetch(`${server.url}/v2/images/${id}/file`)
    t.ok(DATA.equals(Buffer.from(await stored.arrayBuffer())))
    t.same(parts(), [])
  })

  t.test('of which all is there is ended by a request without a body', async t => {
    const id = await server.create()
    await append(server, id, DATA, at(0, false))
    t.equal((await append(server, id, '', at(DATA.length, true))).status, 204)
    t.match(await server.show(id), { status: 'active', checksum: hex('md5', DATA) })
  })

  t.test('of nothing is an upload like any other', async t => {
    const id = await server.create()
    t.equal((await append(server, id, '', at(0, true))).status, 204)
    t.match(await server.show(id), { status: 'active', size: 0 })
  })

  t.test('in chunks, of a length that nobody says, is one as well', async t => {
    const id = await server.create()
    const socket = await dial(
      server,
      `PATCH ${pathOf(id)} HTTP/1.1`,
      'Content-Type: application/partial-upload',
      'Upload-Offset: 0',
      'Upload-Complete: ?1',
      'Transfer-Encoding: chunked',
      'Connection: close',
    )
    socket.write('4\r\nsome\r\n5\r\n data\r\n0\r\n\r\n')
    t.match(await rest(socket), /^HTTP\/1\.1 204 No Content\r\n/)
    t.match(await server.show(id), { status: 'active', size: 9 })
  })

  t.test('is forgotten when that is wanted, and begins anew', async t => {
    const id = await server.create()
    await append(server, id, 'other', at(0, false, { 'upload-length': '100' }))
    t.equal((await server.call('DELETE', pathOf(id), { as: OWNER })).status, 204)
    t.same(parts(), [])
    t.same(await offsetOf(server, id), [0, '?0'])
    t.equal((await server.call('DELETE', pathOf(id), { as: OWNER })).status, 204)
    t.equal((await append(server, id, 'data', at(0, true))).status, 204)
  })

  t.test('is gone with its image, and where that gets its data in another way', async t => {
    const [deleted, filled, staged] = [
      await server.create(),
      await server.create(),
      await server.create(),
    ]
    for (const id of [deleted, filled, staged]) await append(server, id, 'some', at(0, false))
    t.equal(parts().length, 6)
    await server.call('DELETE', `/v2/images/${deleted}`, { as: OWNER })
    await server.upload(filled, 'other data')
    const headers = { 'content-type': 'application/octet-stream' }
    await server.call('PUT', `/v2/images/${staged}/stage`, { as: OWNER, headers, body: 'staged' })
    t.same(parts(), [])
    t.equal((await append(server, deleted, ' data', at(4, true))).status, 404)
    t.equal((await append(server, filled, ' data', at(4, true))).status, 409)
    t.equal((await server.call('HEAD', pathOf(staged), { as: OWNER })).status, 409)
  })
})

t.test('what is wrong with a request is said, and what has come stays', async t => {
  const { server } = await startResumable(t, { imageSizeCap: 4 * MIB })
  const long = String(4 * MIB + 1)
  for (const [title, status, message, headers, body = ' data'] of [
    ['without an offset', 400, /^Upload-offset is missing/, { 'upload-complete': '?1' }],
    [
      'with an offset that is no number',
      400,
      /number of bytes, not x/,
      { ...at(4, true), 'upload-offset': 'x' },
    ],
    ['without a word of its end', 400, /^Upload-complete is missing/, { 'upload-offset': '4' }],
    [
      'with another word of its end',
      400,
      /\?1 or \?0, not yes/,
      { ...at(4, true), 'upload-complete': 'yes' },
    ],
    [
      'with a length that is no number',
      400,
      /number of bytes, not -1/,
      at(4, true, { 'upload-length': '-1' }),
    ],
    [
      'with a digest that is none',
      400,
      /^Repr-digest is not understood/,
      at(4, true, { 'repr-digest': 'md5=x' }),
    ],
    [
      'that ends before the length it says',
      400,
      /ends at byte 9, .* of 10/,
      at(4, true, { 'upload-length': '10' }),
    ],
    [
      'that ends beyond the length it says',
      400,
      /ends at byte 9, .* of 8/,
      at(4, false, { 'upload-length': '8' }),
    ],
    [
      'of another media type',
      415,
      /application\/partial-upload/,
      { ...at(4, true), 'content-type': 'text/plain' },
    ],
    ['at another offset', 409, /goes on at byte 4, not 3/, at(3, true)],
    ['at an offset that is not there yet', 409, /goes on at byte 4, not 5/, at(5, true)],
    [
      'of other data, by its digest',
      409,
      /beginning of other data/,
      at(4, true, { 'repr-digest': `md5=:${base64('md5', DATA)}:` }),
    ],
    [
      'of other data, by its length',
      409,
      /beginning of other data/,
      at(4, false, { 'upload-length': '12' }),
    ],
    [
      'of more than the cap, by its length',
      413,
      /too large/,
      at(4, false, { 'upload-length': long }),
    ],
    ['of more than the cap', 413, /too large/, at(4, true), new Uint8Array(4 * MIB)],
  ] satisfies [string, number, RegExp, Record<string, string>, (string | Uint8Array)?][]) {
    t.test(title, async t => {
      const id = await server.create()
      const said = { 'repr-digest': `md5=:${base64('md5', Buffer.from('some data'))}:` }
      const length = title.startsWith('of other data') ? { 'upload-length': '9' } : {}
      await append(server, id, 'some', at(0, false, { ...said, ...length }))
      const answer = await append(server, id, body, headers)
      t.equal(answer.status, status)
      t.match(answer.json['message'], message)
      const isOffset = title.startsWith('at ')
      t.equal(answer.headers.get('upload-offset'), isOffset ? '4' : null)
      t.equal((await server.show(id))['status'], 'queued')
      t.same(await offsetOf(server, id), [4, '?0'])
      t.equal((await append(server, id, ' data', at(4, true))).status, 204)
    })
  }
})

t.test('what can never become the image is forgotten', async t => {
  const { server, parts } = await startResumable(t)
  const zero = Buffer.alloc(32)
  for (const [title, status, message, first, last, body, image] of [
    [
      'data of another digest',
      400,
      /^Md5 of the data is/,
      { 'repr-digest': `md5=:${base64('md5', DATA)}:` },
      {},
      ' data',
      undefined,
    ],
    [
      'data of another digest, as the last request says it',
      400,
      /^Sha512 of the data is/,
      {},
      { 'repr-digest': `sha-512=:${base64('sha512', DATA)}:` },
      ' data',
      undefined,
    ],
    ['data of another format', 415, /qcow2/, {}, {}, zero, QCOW2],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create(image)
      await append(server, id, 'some', at(0, false, first))
      const answer = await append(server, id, body, at(4, true, last))
      t.equal(answer.status, status)
      t.match(answer.json['message'], message)
      t.equal(answer.headers.get('upload-offset'), '0')
      t.equal((await server.show(id))['status'], 'queued')
      t.same(parts(), [])
      t.same(await offsetOf(server, id), [0, '?0'])
    })
  }

  t.test('chunks that go on after the length', async t => {
    const id = await server.create()
    const socket = await dial(
      server,
      `PATCH ${pathOf(id)} HTTP/1.1`,
      'Content-Type: application/partial-upload',
      'Upload-Offset: 0',
      'Upload-Length: 4',
      'Upload-Complete: ?0',
      'Transfer-Encoding: chunked',
      'Connection: close',
    )
    socket.write('5\r\nsomed\r\n0\r\n\r\n')
    t.match(await rest(socket), /^HTTP\/1\.1 400 [^]*goes on after the 4 bytes/)
    t.same(parts(), [])
  })
})

t.test('who may not upload may not do it in parts', async t => {
  const { server, parts } = await startResumable(t, {
    auth: 'trusted_headers',
    enforceNewDefaults: true,
  })
  const id = await server.create(undefined, OWNER)
  await append(server, id, 'some', at(0, false))
  for (const [title, as, status] of [
    ['nobody', {}, 401],
    ['a stranger, who does not see the image', STRANGER, 404],
    ['somebody with the role of a reader', { ...user('owner'), 'x-roles': 'reader' }, 403],
  ] as const) {
    t.test(title, async t => {
      t.equal((await append(server, id, ' data', at(4, true), as)).status, status)
      t.equal((await server.call('HEAD', pathOf(id), { as })).status, status)
      t.equal((await server.call('DELETE', pathOf(id), { as })).status, status)
    })
  }

  t.test('a member, who sees it', async t => {
    const steps = [{ op: 'replace', path: '/visibility', value: 'shared' }]
    t.equal((await server.patch(id, steps)).status, 200)
    const body = { member: 'member' }
    await server.call('POST', `/v2/images/${id}/members`, { as: OWNER, body })
    const { status } = await server.upload(id, 'some data', MEMBER)
    t.ok(status === 403 || status === 404)
    t.equal((await append(server, id, ' data', at(4, true), MEMBER)).status, status)
  })

  t.test('an image without formats', async t => {
    const id = await server.create({}, OWNER)
    t.equal((await append(server, id, ' data', at(0, false))).status, 400)
  })

  t.equal(parts().length, 2)
  t.equal((await append(server, id, ' data', at(4, true))).status, 204)
})

t.test('a quota counts what is in unfinished uploads', async t => {
  const settings = { auth: 'trusted_headers', userStorageQuota: 100 } as const
  const { server } = await startResumable(t, settings)
  const [one, other] = [await server.create(), await server.create()]
  t.equal((await append(server, one, new Uint8Array(60), at(0, false))).status, 204)
  const refused = await append(server, other, new Uint8Array(41), at(0, true))
  t.equal(refused.status, 413)
  t.match(refused.json['message'], /60 bytes of it are in unfinished uploads/)
  t.equal((await append(server, one, new Uint8Array(41), at(60, true))).status, 413)
  t.equal((await append(server, other, new Uint8Array(40), at(0, true))).status, 204)
  t.equal((await append(server, one, new Uint8Array(1), at(60, true))).status, 413)
  await server.call('DELETE', `/v2/images/${other}`, { as: OWNER })
  t.equal((await append(server, one, new Uint8Array(40), at(60, true))).status, 204)
})

t.test('what has come stays when it is the store that finds nothing', async t => {
  const module = fileURLToPath(new URL('../support/bottomless.js', import.meta.url))
  const backend = { id: 'bottomless', type: module, options: {} } as const
  const settings = { enabledBackends: [backend], defaultBackend: 'bottomless' }
  const { server } = await startResumable(t, settings)
  const id = await server.create()
  t.equal((await append(server, id, DATA, at(0, true))).status, 404)
  const { headers } = await server.call('HEAD', pathOf(id), { as: OWNER })
  t.equal(headers.get('upload-offset'), String(DATA.length))
})

t.test('a quota counts what comes in at the same time', async t => {
  const { server } = await startResumable(t, { userStorageQuota: 24 * MIB })
  const [one, other] = [await server.create(), await server.create()]
  const socket = await begin(server, one, new Uint8Array(1), { length: 20 * MIB })
  await untilShown(server, one, 'saving')
  t.equal((await append(server, other, new Uint8Array(20 * MIB), at(0, false))).status, 204)
  socket.write(new Uint8Array(20 * MIB - 1))
  t.match(await next(socket), /^HTTP\/1\.1 413 /)
  socket.destroy()
  const { headers } = await server.call('HEAD', pathOf(one), { as: OWNER })
  t.ok(Number(headers.get('upload-offset')) < 9 * MIB)
})

for (const kind of ['a known length', 'an unknown length']) {
  t.test(`a quota holds for several small ones of ${kind} at once`, async t => {
    const { server } = await startResumable(t, { userStorageQuota: 10 * MIB })
    const ids = await Promise.all(Array.from({ length: 4 }, () => server.create()))
    const size = 6 * MIB
    const sockets = await Promise.all(
      ids.map(async id => {
        if (kind === 'a known length') {
          return await begin(server, id, new Uint8Array(1), { length: size })
        }
        const socket = await dial(
          server,
          `PATCH ${pathOf(id)} HTTP/1.1`,
          'Content-Type: application/partial-upload',
          'Upload-Offset: 0',
          'Upload-Complete: ?0',
          'Transfer-Encoding: chunked',
        )
        socket.on('error', () => {}).write('1\r\nx\r\n')
        return socket
      }),
    )
    for (const id of ids) await untilShown(server, id, 'saving')
    const rest = Buffer.alloc(size - 1)
    const chunked = [`${rest.length.toString(16)}\r\n`, rest, '\r\n0\r\n\r\n']
    for (const socket of sockets) {
      for (const data of kind === 'a known length' ? [rest] : chunked) socket.write(data)
    }
    const answers = await Promise.all(sockets.map(next))
    for (const answer of answers) t.match(answer, /^HTTP\/1\.1 (?:413|204) /)
    t.ok(answers.filter(answer => answer.includes(' 204 ')).length < 2)
    for (const socket of sockets) socket.destroy()
    const offsets = await Promise.all(ids.map(id => offsetOf(server, id)))
    t.ok(offsets.reduce((sum, [bytes]) => sum + bytes, 0) <= 10 * MIB)
  })
}

t.test('a quota does not count what is kept no longer', async t => {
  let now = Date.parse('2026-11-23T12:00:00Z')
  const settings = { userStorageQuota: 100, resumableUploadExpiry: 3600 }
  const { server } = await startResumable(t, settings, () => new Date(now))
  const [one, other] = [await server.create(), await server.create()]
  t.equal((await append(server, one, new Uint8Array(60), at(0, false))).status, 204)
  now += 3_600_000
  t.equal((await append(server, other, new Uint8Array(100), at(0, true))).status, 204)
})

t.test('while bytes come in, the image is being saved', async t => {
  const { server } = await startResumable(t)
  const id = await server.create()
  const socket = await begin(server, id, DATA.subarray(0, HEAD_SIZE))
  await untilShown(server, id, 'saving')

  t.test('and nobody else sends it data', async t => {
    const second = await append(server, id, 'other', at(0, false))
    t.equal(second.status, 409)
    t.match(second.json['message'], /is being sent data already/)
    t.notOk(second.headers.has('upload-offset'))
    t.equal((await server.upload(id, 'other data')).status, 409)
    t.equal((await server.call('DELETE', pathOf(id), { as: OWNER })).status, 409)
    t.equal((await server.call('HEAD', pathOf(id), { as: OWNER })).status, 204)
  })

  t.test('when it is deleted meanwhile, nothing is left', async t => {
    const { server, parts } = await startResumable(t)
    const id = await server.create()
    const socket = await begin(server, id, DATA.subarray(0, HEAD_SIZE))
    await untilShown(server, id, 'saving')
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    socket.write(DATA.subarray(HEAD_SIZE))
    t.match(await next(socket), /^HTTP\/1\.1 410 /)
    t.same(parts(), [])
    socket.destroy()
  })

  socket.write(DATA.subarray(HEAD_SIZE))
  t.match(await next(socket), /^HTTP\/1\.1 204 /)
  socket.destroy()
  t.match(await server.show(id), { status: 'active', checksum: hex('md5', DATA) })
})

/** Sends the rest, when nobody else does any more. */
async function finish(server: TestServer, id: string): Promise<void> {
  for (;;) {
    const [offset] = await offsetOf(server, id)
    const { status } = await append(server, id, DATA.subarray(offset), at(offset, true))
    if (status === 204) return
    if (status !== 409) throw new Error(`PATCH: ${status}`)
    await soon()
  }
}

/** Numbers that look like chance, always the same. */
function* numbers(most: number): Generator<number, void> {
  for (let state = 20_261_123; ;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    yield state % most
  }
}

t.test('an upload that is cut off goes on where it was, wherever that is', async t => {
  for (const { title, settings } of [
    { title: 'to a store that copies', settings: { store: 'memory' } },
    {
      title: 'to a store of files, which takes over the one that there is',
      settings: { store: 'file' },
    },
  ] as const) {
    t.test(title, async t => {
      const { server, parts } = await startResumable(t, settings)
      const random = numbers(600_000)
      let again = 0
      for (let n = 0; n < 3; n += 1) {
        const id = await server.create()
        let offset = 0
        for (;;) {
          const end = offset + (random.next().value ?? 0)
          if (end >= DATA.length) break
          const socket = await begin(server, id, DATA.subarray(offset, end), { from: offset })
          socket.resume().end()
          await once(socket, 'close')
          await untilShown(server, id, 'queued')
          const [found, isComplete] = await offsetOf(server, id)
          t.ok(found >= offset && found <= end, `byte ${found} from ${offset} to ${end}`)
          t.equal(isComplete, '?0')
          again += end - found
          offset = found
        }
        await finish(server, id)
        const { status, checksum, os_hash_value: hash } = await server.show(id)
        t.same([status, checksum, hash], ['active', hex('md5', DATA), hex('sha512', DATA)])
      }
      t.ok(again < DATA.length, `${again} bytes were sent again`)
      t.same(parts(), [])
    })
  }
})

t.test('what nobody goes on with is kept for a time', async t => {
  let now = Date.parse('2030-01-01T00:00:00Z')
  const settings = { resumableUploadExpiry: 3600 }
  const { server, parts } = await startResumable(t, settings, () => new Date(now))
  const id = await server.create()
  await append(server, id, 'some', at(0, false))
  now += 3_599_000
  const { headers } = await server.call('HEAD', pathOf(id), { as: OWNER })
  t.equal(headers.get('upload-offset'), '4')
  t.match(headers.get('upload-limit'), /max-age=1$/)

  await t.test('which begins anew with each append', async t => {
    await append(server, id, ' data', at(4, false))
    now += 3_599_000
    t.same(await offsetOf(server, id), [9, '?0'])
  })

  await t.test('and counts as nothing after it', async t => {
    now += 1000
    t.same(await offsetOf(server, id), [0, '?0'])
    t.equal((await append(server, id, '!', at(9, true))).headers.get('upload-offset'), '0')
    t.equal(parts().length, 2)
    t.equal((await append(server, id, 'data', at(0, true))).status, 204)
    t.same(parts(), [])
  })
})

t.test('a service that runs removes what is kept no longer', async t => {
  let now = Date.now()
  const settings = { resumableUploadExpiry: 4 }
  const { server, parts } = await startResumable(t, settings, () => new Date(now))
  const [old, busy] = [await server.create(), await server.create()]
  await append(server, old, 'some', at(0, false))
  const socket = await begin(server, busy, DATA.subarray(0, 5))
  await untilShown(server, busy, 'saving')
  while (parts().length < 4) await soon()
  now += 5000
  while (parts().length > 2) await soon()
  t.same(
    parts().map(name => name.startsWith(busy)),
    [true, true],
    'not what is appended to',
  )
  socket.write(DATA.subarray(5))
  await untilShown(server, busy, 'active')
  socket.destroy()
})

t.test('a service that starts', async t => {
  const dataDir = t.testdir()
  const uploads = join(dataDir, 'uploads')
  let now = Date.now()
  const start = async () =>
    await startServer(
      { dataDir, bindPort: 0, resumableUploadExpiry: 3600 },
      { report: error => t.error(error), now: () => new Date(now) },
    )
  const ids: string[] = []
  {
    await using server = await start()
    const call = async (method: string, path: string, body: string, headers = {}) =>
      await fetch(server.url + path, { method, body, headers })
    for (let n = 1; n <= 4; n += 1) {
      const id = idOf(n)
      ids.push(id)
      await call(
        'POST',
        '/v2/images',
        JSON.stringify({ id, disk_format: 'raw', container_format: 'bare' }),
      )
      const type = { 'content-type': 'application/partial-upload' }
      if (n === 4) now += 10_000
      t.equal((await call('PATCH', pathOf(id), 'some', { ...type, ...at(0, false) })).status, 204)
    }
  }
  const [one = '', , lost = '', late = ''] = ids
  writeFileSync(join(uploads, `${one}.json.00000000-0000-4000-8000-000000000000`), 'cut o')
  writeFileSync(join(uploads, `${idOf(9)}.data`), 'of nothing')
  writeFileSync(join(uploads, `${lost}.json`), '{"offs')
  writeFileSync(join(uploads, `${late}.data`), 'some that is not on the disk for certain')
  now += 3_595_000

  t.test('removes what is kept no longer, and what a crash has made unreadable', async t => {
    await using server = await start()
    t.same(readdirSync(uploads).toSorted(), [`${late}.data`, `${late}.json`])
    const { headers } = await fetch(`${server.url}${pathOf(late)}`, { method: 'HEAD' })
    t.equal(headers.get('upload-offset'), '4')
    const type = { 'content-type': 'application/partial-upload' }
    await fetch(`${server.url}${pathOf(late)}`, {
      method: 'PATCH',
      headers: { ...type, ...at(4, false) },
      body: '!',
    })
    t.equal(statSync(join(uploads, `${late}.data`)).size, 5, 'what was not acknowledged is cut off')
  })
})

/** Each request on a connection of its own, and with it by another worker. */
async function ask(
  { url }: Pick<TestService, 'url'>,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: Uint8Array } = {},
): Promise<Response> {
  return await fetch(url + path, {
    method,
    headers: { ...CLOSING, 'content-type': 'application/partial-upload', ...headers },
    ...(body !== undefined && { body: new Uint8Array(body) }),
  })
}

async function askOffset(service: TestService, id: string): Promise<number> {
  const { headers } = await ask(service, 'HEAD', pathOf(id))
  return Number(headers.get('upload-offset'))
}

async function expectWhole(
  t: Test,
  { url }: Pick<TestService, 'url'>,
  id: string,
  data: Uint8Array,
): Promise<void> {
  const image = (await (await fetch(`${url}/v2/images/${id}`)).json()) as object
  t.match(image, {
    status: 'active',
    size: data.length,
    checksum: hex('md5', data),
    os_hash_value: hex('sha512', data),
  })
  const stored = await fetch(`${url}/v2/images/${id}/file`)
  t.equal(hex('md5', Buffer.from(await stored.arrayBuffer())), hex('md5', data))
}

t.test('what a service has acknowledged outlives that it is killed', async t => {
  const folder = t.testdir()
  const data = bytesOf(7, 70 * MIB)
  const first = await startService(t, [], { folder })
  const id = await create(first)
  const length = data.length
  const socket = await begin(first, id, data.subarray(0, length - 5), { length })
  while ((await askOffset(first, id)) === 0) await soon()
  const offset = await askOffset(first, id)
  t.ok(offset >= 64 * MIB && offset < length)
  first.kill('SIGKILL')
  await first.outcome
  socket.destroy()

  const second = await startService(t, [], { folder })
  t.equal(await askOffset(second, id), offset)
  await untilStatus(second, id, 'queued')
  const body = data.subarray(offset)
  const { status } = await ask(second, 'PATCH', pathOf(id), { headers: at(offset, true), body })
  t.equal(status, 204)
  await expectWhole(t, second, id, data)
  t.same(readdirSync(join(folder, 'data', 'uploads')), [])
})

t.test('several workers go on with one upload', async t => {
  const service = await startService(t, ['workers = 2'])
  const id = await create(service)

  await t.test('whichever of them gets the next request', async t => {
    for (let offset = 0; offset < 2 * MIB; offset += MIB / 2) {
      const body = DATA.subarray(offset, offset + MIB / 2)
      const headers = at(offset, false, { 'upload-length': String(DATA.length) })
      const answer = await ask(service, 'PATCH', pathOf(id), { headers, body })
      t.equal(answer.status, 204)
      t.equal(await askOffset(service, id), offset + MIB / 2)
    }
  })

  await t.test('one at a time', async t => {
    const socket = await begin(service, id, DATA.subarray(2 * MIB, 2 * MIB + 9), { from: 2 * MIB })
    await untilStatus(service, id, 'saving')
    for (let i = 0; i < 2; i += 1) {
      const body = DATA.subarray(2 * MIB)
      const answer = await ask(service, 'PATCH', pathOf(id), { headers: at(2 * MIB, true), body })
      t.equal(answer.status, 409)
    }
    socket.destroy()
    await untilStatus(service, id, 'queued')
  })

  await t.test('also when those that were at it are killed', async t => {
    const from = await askOffset(service, id)
    await begin(service, id, DATA.subarray(from, from + 9), { from })
    await untilStatus(service, id, 'saving')
    for (const pid of service.workers()) process.kill(pid, 'SIGKILL')
    await untilStatus(service, id, 'queued')
    const offset = await askOffset(service, id)
    t.ok(offset >= 2 * MIB)
    const body = DATA.subarray(offset)
    const answer = await ask(service, 'PATCH', pathOf(id), { headers: at(offset, true), body })
    t.equal(answer.status, 204)
    await expectWhole(t, service, id, DATA)
  })
})
