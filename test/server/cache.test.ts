import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative } from 'node:path'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import type { ServerConfig } from '../../lib/server/config.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { dial, untilStatus } from '../support/connection.ts'
import { startGate } from '../support/gate.ts'
import { run } from '../support/program.ts'
import { ADMIN, OWNER, startTestServer, type TestServer, user } from '../support/server.ts'
import { startListener } from '../support/listener.ts'
import { startService } from '../support/service.ts'
import { CLOSING, create, put } from '../support/service-requests.ts'
import { soon } from '../support/soon.ts'

const MIB = 1024 * 1024

/** All that is in the folder of a cache but its index: copies, and what processes let each other know. */
function allIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !/^(?:\.glance|cache\.db)/.test(entry.name))
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
}

/** The copies in the folder of a cache, whole or not. */
function filesIn(folder: string): string[] {
  return allIn(folder).filter(path => !path.includes('.'))
}

async function start(
  t: Test,
  given: Partial<ServerConfig> = {},
  report?: (error: unknown) => void,
) {
  const folder = join(t.testdir({ cache: {} }), 'cache')
  const settings = { auth: 'trusted_headers', imageCacheDir: folder, ...given } as const
  const server = await startTestServer(t, settings, report)
  return { server, folder, settings }
}

const download = (server: TestServer, id: string, headers = {}, as = OWNER) =>
  server.call('GET', `/v2/images/${id}/file`, { as, headers })

const cache = (server: TestServer, method: string, path = '', as = ADMIN, headers = {}) =>
  server.call(method, `/v2/cache${path}`, { as, headers })

async function cached(server: TestServer): Promise<readonly { image_id: string; hits: number }[]> {
  const { json } = await cache(server, 'GET')
  return json['cached_images'] as { image_id: string; hits: number }[]
}

/** Asks until so many images are there. */
async function untilCached(server: TestServer, count: number) {
  for (;;) {
    const images = await cached(server)
    if (images.length === count) return images
    await soon()
  }
}

async function uploaded(server: TestServer, data: string | Uint8Array = 'some data') {
  const id = await server.create()
  await server.upload(id, data)
  return id
}

t.test('an image that is downloaded comes into the cache', async t => {
  const { server, folder } = await start(t)
  const data = Buffer.alloc(3 * MIB, 'some pattern ')
  const id = await uploaded(server, data)
  t.ok((await download(server, id)).text === data.toString())
  const [image] = await untilCached(server, 1)
  t.match(image, { image_id: id, hits: 0, size: data.length })
  t.type((image as Record<string, unknown> | undefined)?.['last_accessed'], 'number')
  t.ok(readFileSync(join(folder, id)).equals(data))

  t.test('and is read from there', async t => {
    writeFileSync(join(folder, id), Buffer.alloc(3 * MIB, 'x'))
    t.match((await download(server, id)).text, /^xxx/)
    t.match(await cached(server), [{ hits: 1 }])
    const part = await download(server, id, { range: 'bytes=0-3' })
    t.equal(part.text, 'some', 'but for a part of it')
  })

  t.test('and from its store when the cache has lost it', async t => {
    unlinkSync(join(folder, id))
    t.ok((await download(server, id)).text === data.toString())
    await untilCached(server, 1)
  })

  t.test('and goes with it', async t => {
    await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
    t.same(filesIn(folder), [])
    t.same(await cached(server), [])
  })
})

t.test('what is not whole does not come into the cache', async t => {
  const storeDir = t.testdir()
  const { server, folder } = await start(t, { store: 'file', storeDir })
  const [other, partial] = [await uploaded(server), await uploaded(server)]
  writeFileSync(join(storeDir, other), 'SOME DATA')
  t.equal((await download(server, other)).text, 'SOME DATA')
  await download(server, partial, { range: 'bytes=0-3' })
  t.same(await cached(server), [])
  t.same(filesIn(folder), [])
})

t.test('of a location only what is for good comes into the cache', async t => {
  const imports = {
    ...DEFAULT_IMPORTS,
    filter: { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] },
  }
  const { server, folder } = await start(t, { imports })
  const register = (id: string, body: object) =>
    server.call('POST', `/v2/images/${id}/locations`, { as: OWNER, body })

  t.test('not what is still to be proved', async t => {
    const gate = await startGate(t, 'wrong data', 1)
    const id = await server.create()
    const validation_data = { os_hash_algo: 'md5', os_hash_value: 'a'.repeat(32) }
    await register(id, { url: gate.url, validation_data })
    await gate.reached
    t.equal((await download(server, id)).text, 'wrong data')
    t.same(await cached(server), [])
    gate.open()
    await untilStatus(server, id, 'queued')
    // The location and its task are done with at once.
    t.equal((await server.upload(id, 'right data')).status, 204)
    t.equal((await download(server, id)).text, 'right data')
    await untilCached(server, 1)
    await cache(server, 'DELETE')
  })

  t.test('and anew when its digests are known', async t => {
    const gate = await startGate(t, 'some data', 1)
    const id = await server.create()
    await register(id, { url: gate.url })
    await gate.reached
    await download(server, id)
    await untilCached(server, 1)
    writeFileSync(join(folder, id), 'SOME DATA')
    t.equal((await download(server, id)).text, 'SOME DATA', 'it is read from the cache')
    gate.open()
    while ((await server.show(id))['checksum'] === null) await soon()
    t.equal((await download(server, id)).text, 'some data', 'not from what nobody has proved')
    await untilCached(server, 0)
    await download(server, id)
    await untilCached(server, 1)
    t.equal(readFileSync(join(folder, id), 'utf8'), 'some data')
  })
})

/** Begins to download an image, of which nobody reads anything yet. */
async function reading(server: TestServer, id: string) {
  const headers = Object.entries(OWNER).map(([name, value]) => `${name}: ${value}`)
  return await dial(server, `GET /v2/images/${id}/file HTTP/1.1`, ...headers)
}

async function bytesOf(reader: AsyncIterable<Buffer>, most: number): Promise<number> {
  let bytes = 0
  for await (const chunk of reader) {
    bytes += chunk.length
    if (bytes > most) break // With the head of the answer.
  }
  return bytes
}

t.test('a partial file is removed when the client goes away (LP 1031842)', async t => {
  const { server, folder } = await start(t)
  const id = await uploaded(server, Buffer.alloc(32 * MIB))
  const reader = await reading(server, id)
  while (filesIn(folder).length === 0) await soon()
  t.same(filesIn(folder), [`incomplete/${id}`])
  reader.destroy()
  while (allIn(folder).length > 0) await soon()
  t.same(await cached(server), [])
  await download(server, id)
  t.match(await untilCached(server, 1), [{ image_id: id }], 'and the next one brings all of it')
})

t.test('many who read an image that is not there have it fetched once', async t => {
  const imports = {
    ...DEFAULT_IMPORTS,
    filter: { ...DEFAULT_FILTER, allowedHosts: ['127.0.0.1'], allowedPorts: [] },
  }
  const { server, folder } = await start(t, { imports, showMultipleLocations: true })
  const data = Buffer.alloc(32 * MIB, 'some pattern ')
  const asked: string[] = []
  const origin = createServer((request, response) => {
    asked.push(request.method ?? '')
    response.writeHead(200, { 'content-length': data.length })
    response.end(request.method === 'HEAD' ? undefined : data)
  }).listen(0, '127.0.0.1')
  t.teardown(() => origin.close().closeAllConnections())
  await once(origin, 'listening')
  const { port } = origin.address() as AddressInfo // It listens on a port.
  const id = await server.create()
  const location = { url: `http://127.0.0.1:${port}/`, metadata: {} }
  await server.call('PATCH', `/v2/images/${id}`, {
    as: ADMIN,
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'add', path: '/locations/-', value: location }],
  })
  t.match(await server.show(id), { status: 'active', size: data.length })
  asked.length = 0
  const first = await reading(server, id)
  while (filesIn(folder).length === 0) await soon()
  const second = await reading(server, id)
  await once(second, 'readable')
  const others = [download(server, id), download(server, id)]
  first.destroy()
  t.ok((await bytesOf(second, data.length)) > data.length)
  for (const { text } of await Promise.all(others)) t.ok(text === data.toString())
  t.match(await untilCached(server, 1), [{ image_id: id }], 'also when the first of them leaves')
  t.same(
    asked.filter(method => method === 'GET'),
    ['GET'],
  )
})

t.test('the folder of a Glance is taken over', async t => {
  const dataDir = t.testdir()
  const settings = { dataApi: 'sqlite', store: 'file', dataDir } as const
  const { server, folder, settings: all } = await start(t, settings)
  const [good, bad] = [await uploaded(server), await uploaded(server)]
  for (const id of [good, bad]) await download(server, id)
  await untilCached(server, 2)
  await server[Symbol.asyncDispose]()
  const index = new Libsql(join(folder, 'cache.db'))
  index.exec('update cached_images set hits = 5, checksum = null')
  index.close()
  writeFileSync(join(folder, bad), 'SOME DATA')
  const again = await startTestServer(t, all)
  t.same(new Set((await cached(again)).map(({ hits }) => hits)), new Set([5]))
  for (const id of [good, bad]) {
    t.equal((await download(again, id)).text, 'some data', 'it was not proved when it was read')
  }
  t.match(await untilCached(again, 1), [{ image_id: good }], 'what is of other data is removed')
  await download(again, good)
  t.match(await cached(again), [{ image_id: good, hits: 6 }], 'what is proved is read')
})

t.test('two workers share a cache', async t => {
  const folder = join(t.testdir(), 'cache')
  const held: ServerResponse[] = []
  const asked: string[] = []
  const data = Buffer.alloc(3 * MIB, 'some pattern ')
  let isHeld = true
  const origin = await startListener(t, (request, response) => {
    response.writeHead(200, { 'content-length': data.length })
    if (request.method === 'HEAD') return void response.end()
    asked.push(request.headers.range ?? 'all')
    if (!isHeld) return void response.end(data)
    response.write(data.subarray(0, MIB))
    held.push(response)
  })
  const filter = ['[import_filtering_opts]', 'allowed_hosts = 127.0.0.1', 'allowed_ports =']
  const service = await startService(t, [
    'workers = 2',
    `image_cache_dir = ${folder}`,
    'show_multiple_locations = true',
    ...filter,
  ])
  const registered = async () => {
    const id = await create(service)
    const type = 'application/openstack-images-v2.1-json-patch'
    const headers = { 'content-type': type, ...CLOSING }
    const value = { url: `${origin}/${id}`, metadata: {} }
    const body = JSON.stringify([{ op: 'add', path: '/locations/-', value }])
    await fetch(`${service.url}/v2/images/${id}`, { method: 'PATCH', headers, body })
    asked.length = 0
    held.length = 0
    isHeld = true
    return id
  }
  const begin = async (id: string) =>
    await fetch(`${service.url}/v2/images/${id}/file`, { headers: CLOSING })
  const read = async (answer: Response) => Buffer.from(await answer.arrayBuffer()).equals(data)
  const list = async () =>
    await (await fetch(`${service.url}/v2/cache`, { headers: CLOSING })).text()
  const open = () => {
    isHeld = false
    for (const response of held.splice(0)) response.end(data.subarray(MIB))
  }
  const marks = () => allIn(folder).filter(path => path.includes('.'))
  /** As many as it takes for one to be the worker's that does not fetch. */
  const beginInBoth = async (id: string) => {
    const begun = [await begin(id)]
    while (!marks().some(path => path.includes('reading'))) begun.push(await begin(id))
    return begun
  }

  t.test('each reads what the other has fetched', async t => {
    const id = await create(service)
    await put(service, id, 'some data')
    // Each time another connection, and with it the other worker.
    t.equal(await (await begin(id)).text(), 'some data')
    while (!(await list()).includes(id)) await soon()
    for (let i = 0; i < 4; i += 1) t.equal(await (await begin(id)).text(), 'some data')
    for (let i = 0; i < 2; i += 1) while (!(await list()).includes('"hits":4')) await soon()
  })

  t.test('and what the other fetches, while it does', async t => {
    const id = await registered()
    const readers = await beginInBoth(id)
    open()
    for (const answer of readers) t.ok(await read(answer))
    t.same(asked, ['all'], 'which is fetched once')
    while (!(await list()).includes(id)) await soon()
    while (marks().length > 0) await soon()
  })

  t.test('which goes on when those of the first are gone', async t => {
    const id = await registered()
    const first = new AbortController()
    const url = `${service.url}/v2/images/${id}/file`
    const answer = await fetch(url, { headers: CLOSING, signal: first.signal })
    const others = await beginInBoth(id)
    first.abort()
    await answer.arrayBuffer().catch(() => {})
    open()
    for (const other of others) t.ok(await read(other))
    t.same(asked, ['all'])
    while (!(await list()).includes(id)) await soon()
  })

  t.test('cache prefetch follows what a worker fetches, and has it go on', async t => {
    const id = await registered()
    const command = (name: string, ...words: string[]) =>
      run(['cache', name, ...words, '--config', join(service.folder, 'glance.conf')])
    t.match(await command('queue', id), { status: 0 })
    const reader = new AbortController()
    const url = `${service.url}/v2/images/${id}/file`
    const answer = await fetch(url, { headers: CLOSING, signal: reader.signal })
    const prefetching = command('prefetch')
    while (!marks().some(path => path.includes('reading'))) await soon()
    reader.abort()
    await answer.arrayBuffer().catch(() => {})
    open()
    t.match(await prefetching, { status: 0, stdout: `${id}: cached\n1 image cached` })
    t.same(asked, ['all'], 'which is fetched once')
    while (marks().length > 0) await soon()
  })

  t.test('and of one that is killed the other takes over, at once', async t => {
    const id = await registered()
    const readers = await beginInBoth(id)
    const mark = marks().find(path => /fetching/.test(path)) ?? ''
    const killed = Number(mark.split('-').at(-3))
    t.ok(service.workers().includes(killed))
    process.kill(killed, 'SIGKILL')
    isHeld = false
    const whole = await Promise.all(readers.map(answer => read(answer).catch(() => null)))
    t.ok(whole.includes(true), 'who read it elsewhere has all of it')
    t.notOk(whole.includes(false))
    asked.length = 0
    t.ok(await read(await begin(id)))
    while (!(await list()).includes(id)) await soon()
    t.same(asked, ['all'])
  })
})

t.test('whatever is wrong with the cache, images are read', async t => {
  const reported: unknown[] = []
  const { server, folder } = await start(t, {}, error => reported.push(error))
  const inIndex = (statement: string) => {
    const index = new Libsql(join(folder, 'cache.db'))
    index.exec(statement)
    index.close()
  }
  const kept = async (data?: Uint8Array) => {
    const id = await uploaded(server, data)
    await download(server, id)
    while (!(await cached(server)).some(({ image_id }) => image_id === id)) await soon()
    return id
  }

  t.test('what is in the place of a copy is no file', async t => {
    const [folderId, linkId] = [await kept(), await kept()]
    for (const id of [folderId, linkId]) unlinkSync(join(folder, id))
    mkdirSync(join(folder, folderId))
    writeFileSync(join(folder, 'secret'), 'a secret!')
    symlinkSync('secret', join(folder, linkId))
    for (const id of [folderId, linkId]) {
      t.equal((await download(server, id)).text, 'some data')
      while (!lstatSync(join(folder, id), { throwIfNoEntry: false })?.isFile()) await soon()
      t.equal(readFileSync(join(folder, id), 'utf8'), 'some data', 'and a copy is kept again')
    }
  })

  t.test('a copy is cut short while it is read', async t => {
    const data = Buffer.alloc(32 * MIB, 'some pattern ')
    const id = await kept(data)
    const reader = await reading(server, id)
    await once(reader, 'readable')
    truncateSync(join(folder, id), 24 * MIB)
    t.ok((await bytesOf(reader, data.length)) > data.length, 'the rest is in the store')
  })

  t.test('nothing can be written to its index', async t => {
    const id = await kept()
    inIndex(
      `create trigger full before update on cached_images begin select raise(abort, 'full'); end`,
    )
    for (let i = 0; i < 3; i += 1) {
      t.match(await download(server, id), { status: 200, text: 'some data' })
      while (reported.length === 0) await soon()
    }
    t.match(reported, [/full/], 'which is said once a minute')
    t.equal(reported.length, 1)
    inIndex('drop trigger full')
  })

  t.test('its index is lost', async t => {
    const id = await kept()
    inIndex('drop table cached_images')
    t.match(await download(server, id), { status: 200, text: 'some data' })
    t.match(await download(server, await uploaded(server)), { status: 200, text: 'some data' })
    t.match(reported.at(-1), /no such table/)
  })

  t.test('its folder is lost', async t => {
    const { server, folder } = await start(t, {}, error => reported.push(error))
    const id = await uploaded(server)
    rmSync(join(folder, 'incomplete'), { recursive: true })
    t.equal((await download(server, id)).text, 'some data')
    t.same(await cached(server), [])
    t.match(reported.at(-1), /ENOENT/)
  })
})

t.test('a copy that is made while another is deleted is there whole, or not at all', async t => {
  const { server, folder } = await start(t)
  const id = await uploaded(server)
  const work = async (ask: () => Promise<{ readonly status: number }>) => {
    for (let round = 0; round < 8; round += 1) t.ok((await ask()).status < 300)
  }
  const reading = () => work(() => download(server, id))
  const deleting = () => work(() => cache(server, 'DELETE'))
  await Promise.all([1, 2, 3, 4].flatMap(() => [reading(), deleting()]))
  await server[Symbol.asyncDispose]()
  const index = new Libsql(join(folder, 'cache.db'))
  const rows = index.prepare('select image_id from cached_images').all() as { image_id: string }[]
  index.close()
  t.same(
    rows.map(({ image_id }) => image_id),
    filesIn(folder),
  )
})

t.test('an index that is damaged is said to be, and made anew once it is removed', async t => {
  const dataDir = t.testdir()
  const { server, folder, settings } = await start(t, { dataApi: 'sqlite', store: 'file', dataDir })
  const id = await uploaded(server)
  await download(server, id)
  await untilCached(server, 1)
  await server[Symbol.asyncDispose]()
  const index = join(folder, 'cache.db')
  for (const suffix of ['-wal', '-shm']) rmSync(`${index}${suffix}`, { force: true })
  writeFileSync(index, 'no database, '.repeat(1000))
  const message = /cache\.db, cannot be opened: .*not a database; if it is damaged, remove it/
  await t.rejects(startTestServer(t, settings), { message })
  rmSync(index)
  t.match(await cached(await startTestServer(t, settings)), [{ image_id: id }])
})

t.test('what Glance has for its own tools answers them', async t => {
  const { server } = await start(t)
  const id = await uploaded(server)
  const call = async (method: string, path: string, as = ADMIN) =>
    await server.call(method, `/v2/${path}`, { as })
  for (const [method, path] of [
    ['GET', 'cached_images'],
    ['DELETE', 'cached_images'],
    ['DELETE', `cached_images/${id}`],
    ['GET', 'queued_images'],
    ['DELETE', 'queued_images'],
    ['PUT', `queued_images/${id}`],
    ['DELETE', `queued_images/${id}`],
  ] as const) {
    t.equal((await call(method, path, OWNER)).status, 403, `${method} ${path}`)
  }
  t.match(await call('PUT', `queued_images/${id}`), { status: 200, text: 'null' })
  await untilCached(server, 1)
  t.match((await call('GET', 'cached_images')).json, { cached_images: [{ image_id: id, hits: 0 }] })
  t.same((await call('GET', 'queued_images')).json, { queued_images: [] })
  t.match(await call('DELETE', `queued_images/${id}`), { status: 200, text: 'null' })
  t.match(await call('DELETE', `cached_images/${id}`), { status: 200, text: 'null' })
  t.same((await call('DELETE', 'cached_images')).json, { num_deleted: 0 })
  t.same((await call('DELETE', 'queued_images')).json, { num_deleted: 0 })
})

t.test('an image that is deleted while it comes into the cache does not stay there', async t => {
  const { server, folder } = await start(t)
  const id = await uploaded(server, Buffer.alloc(32 * MIB))
  const reader = await reading(server, id)
  // As much as the connection takes, which nobody reads.
  while (filesIn(folder).length === 0) await soon()
  const { status } = await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
  t.equal(status, 204)
  t.same(filesIn(folder), [])
  const bytes = await bytesOf(reader, 32 * MIB)
  t.ok(bytes > 32 * MIB, 'who reads it has all of it')
  t.same(await cached(server), [])
  while (allIn(folder).length > 0) await soon()
})

t.test('a deactivated image is not read from the cache', async t => {
  const { server } = await start(t)
  const id = await uploaded(server)
  await download(server, id)
  await untilCached(server, 1)
  await server.call('POST', `/v2/images/${id}/actions/deactivate`, { as: OWNER })
  t.equal((await download(server, id)).status, 403)
})

t.test('an image is brought into the cache', async t => {
  const { server } = await start(t)
  const id = await uploaded(server)
  const { status, text } = await cache(server, 'PUT', `/${id}`)
  t.same([status, text], [202, ''])
  t.match(await untilCached(server, 1), [{ image_id: id }])
  t.equal((await cache(server, 'PUT', `/${id}`)).status, 202, 'also when it is there')
  t.same((await cache(server, 'GET')).json['queued_images'], [])
  t.equal((await cache(server, 'PUT', `/${randomUUID()}`)).status, 404)
  t.equal((await cache(server, 'PUT', `/${await server.create()}`)).status, 400)
  t.equal((await cache(server, 'PUT', `/${id}`, OWNER)).status, 403)
})

t.test('images are taken out of the cache', async t => {
  const { server, folder } = await start(t)
  const fill = async (n: number) => {
    const ids: string[] = []
    for (let i = 0; i < n; i += 1) ids.push(await uploaded(server))
    for (const id of ids) await download(server, id)
    await untilCached(server, n)
    return ids
  }

  t.test('one by one', async t => {
    const [id = ''] = await fill(1)
    t.equal((await cache(server, 'DELETE', `/${id}`, OWNER)).status, 403)
    t.equal((await cache(server, 'DELETE', `/${id}`)).status, 204)
    t.equal((await cache(server, 'DELETE', `/${id}`)).status, 204, 'an image that is not there')
    t.equal((await cache(server, 'DELETE', `/${randomUUID()}`)).status, 404)
    t.same(filesIn(folder), [])
  })

  for (const [target, left] of [
    ['queue', 2],
    ['cache', 0],
    ['', 0],
  ] as const) {
    t.test(`all of ${JSON.stringify(target)}`, async t => {
      await fill(2)
      const headers = { 'x-image-cache-clear-target': target }
      t.equal((await cache(server, 'DELETE', '', ADMIN, headers)).status, 204)
      t.equal((await cached(server)).length, left)
      await cache(server, 'DELETE')
    })
  }

  t.test('but not all of something else', async t => {
    const headers = { 'x-image-cache-clear-target': 'other' }
    t.equal((await cache(server, 'DELETE', '', ADMIN, headers)).status, 400)
    t.equal((await cache(server, 'DELETE', '', OWNER, headers)).status, 403)
  })
})

t.test('pruning leaves what was read last', async t => {
  const { server } = await start(t, { imageCacheMaxSize: 20 })
  const ids = [await uploaded(server), await uploaded(server), await uploaded(server)]
  for (const [i, id] of ids.entries()) {
    await download(server, id)
    await untilCached(server, i + 1)
  }
  const answer = await cache(server, 'POST', '/prune')
  t.equal(answer.status, 200)
  t.same(answer.json, { total_files_pruned: 1, total_bytes_pruned: 9 })
  t.equal((await cached(server)).length, 2)
  t.same((await cache(server, 'POST', '/prune')).json, {
    total_files_pruned: 0,
    total_bytes_pruned: 0,
  })
})

t.test('what was cut off, or came to nothing, is cleaned away', async t => {
  const { server, folder } = await start(t, { imageCacheStallTime: 60 })
  const [stalled, fresh, invalid] = [randomUUID(), randomUUID(), randomUUID()]
  writeFileSync(join(folder, 'incomplete', stalled), 'half')
  const before = Date.now() / 1000 - 61
  utimesSync(join(folder, 'incomplete', stalled), before, before)
  writeFileSync(join(folder, 'incomplete', fresh), 'half')
  writeFileSync(join(folder, 'invalid', invalid), 'other')
  t.equal((await cache(server, 'POST', '/clean')).status, 200)
  t.same(filesIn(folder), [`incomplete/${fresh}`], 'but for what may be under way')
})

t.test('the cache outlives the service', async t => {
  const dataDir = t.testdir()
  const settings = { dataApi: 'sqlite', store: 'file', dataDir } as const
  const { server, folder, settings: all } = await start(t, settings)
  const id = await uploaded(server)
  await download(server, id)
  await untilCached(server, 1)
  await download(server, id)
  await server[Symbol.asyncDispose]()
  const strays = [randomUUID(), randomUUID()]
  for (const stray of strays) writeFileSync(join(folder, stray), 'some data')
  writeFileSync(join(folder, 'incomplete', id), 'half of what')
  const again = await startTestServer(t, all)
  t.match(await cached(again), [{ image_id: id, hits: 1, size: 9 }])
  t.same(filesIn(folder), [id], 'but for what was cut off, and images that are no more')
  await again[Symbol.asyncDispose]()
  writeFileSync(join(folder, id), 'cut off')
  t.same(await cached(await startTestServer(t, all)), [], 'and of other data')
})

t.test('who may do something with the cache is for the policy to say', async t => {
  const rules = 'cache_list: role:cacher\ncache_image: role:cacher\ndownload_image: role:reader\n'
  const folder = t.testdir({ cache: {}, 'policy.yaml': rules })
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    imageCacheDir: join(folder, 'cache'),
    policyFile: join(folder, 'policy.yaml'),
  })
  const cacher = user('owner', 'cacher')
  const id = await uploaded(server)
  t.equal((await cache(server, 'GET', '', OWNER)).status, 403)
  t.equal((await cache(server, 'PUT', `/${id}`, cacher)).status, 202)
  let images: unknown = []
  while (!Array.isArray(images) || images.length === 0) {
    images = (await cache(server, 'GET', '', cacher)).json['cached_images']
  }
  t.match(images, [{ image_id: id }], 'also for somebody who may not download it')
  t.equal((await download(server, id, {}, cacher)).status, 403)
  t.equal((await cache(server, 'DELETE', '', cacher)).status, 403)
})

t.test('nodes are known to no cache of one node', async t => {
  const { server } = await start(t)
  const id = await uploaded(server)
  t.equal((await cache(server, 'GET', `/nodes/${id}`)).status, 409)
  t.equal((await cache(server, 'GET', `/nodes/${randomUUID()}`)).status, 404)
})

t.test('a service without a cache says so, to administrators', async t => {
  const server = await startTestServer(t, { auth: 'trusted_headers' })
  const id = await uploaded(server)
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['PUT', `/${id}`],
    ['DELETE', `/${id}`],
    ['POST', '/clean'],
    ['POST', '/prune'],
  ] as const) {
    const { status, json } = await cache(server, method, path)
    t.equal(status, 404, `${method} ${path}`)
    t.match(json['message'], /^Caching via API is not supported at this site\./)
    t.equal((await cache(server, method, path, OWNER)).status, 403)
  }
})

t.test('versions are listed by what there is', async t => {
  const stores = {
    enabledBackends: [{ id: 'a', type: 'memory' }],
    defaultBackend: 'a',
  } satisfies Partial<ServerConfig>
  const oldest = [7, 6, 5, 4, 3, 2, 1, 0]
  for (const [title, hasCache, given, minors, current] of [
    ['neither cache nor stores', false, {}, [15, 9, 17, ...oldest], 17],
    ['stores', false, stores, [15, 13, 12, 11, 10, 9, 8, 17, ...oldest], 17],
    ['a cache', true, {}, [18, 17, 16, 15, 14, 9, ...oldest], 18],
    ['both', true, stores, [18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, ...oldest], 18],
  ] as const) {
    t.test(title, async t => {
      const { server } = await start(t, { ...given, ...(!hasCache && { imageCacheDir: null }) })
      const { json } = await server.call('GET', '/versions')
      const versions = json['versions'] as { id: string; status: string }[]
      t.same(
        versions.map(({ id }) => id),
        [...minors.map(minor => `v2.${minor}`), 'v1.1', 'v1.0'],
      )
      const found = versions.filter(({ status }) => status === 'CURRENT')
      t.match(found, [{ id: `v2.${current}` }])
      const known = (await server.call('GET', '/v2.18/schemas/image', { as: OWNER })).status
      t.equal(known, hasCache ? 200 : 300)
    })
  }
})
