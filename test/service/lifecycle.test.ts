import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { startServer } from '../../lib/server/start.ts'
import { dialUpload, next, rest, untilStatus } from '../support/connection.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const embedded = (dataDir: string) => ({ dataApi: 'sqlite', store: 'file', dataDir }) as const

const download = (server: TestServer, id: string) => server.call('GET', `/v2/images/${id}/file`)

/** The database of a server that is not running. */
function databaseIn(dataDir: string) {
  const connection = `sqlite:///${join(dataDir, 'glance.sqlite')}`
  return openDatabase({ dataApi: 'sqlite', connection })
}

t.test('starting', async t => {
  t.test('at an address that is taken is refused', async t => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    t.teardown(() => other.close())
    const address = other.address()
    const bindPort = typeof address === 'object' ? (address?.port ?? 0) : 0
    await t.rejects(startServer({ bindPort, dataApi: 'simple', store: 'memory' }), {
      code: 'unavailable',
      message: new RegExp(`127\\.0\\.0\\.1:${bindPort}.*EADDRINUSE`),
    })
  })

  t.test('with a data folder that cannot be made is refused', async t => {
    const file = join(t.testdir({ file: 'not a folder' }), 'file')
    await t.rejects(startServer({ bindPort: 0, dataDir: join(file, 'data') }), {
      code: 'unavailable',
      message: /data folder .* cannot be made/,
    })
  })

  t.test('where the system lets nobody make a folder is refused', async t => {
    for (const settings of [
      { dataDir: '/proc/xx/data' },
      { stagingDir: '/proc/xx', store: 'memory' },
    ]) {
      await t.rejects(startServer({ bindPort: 0, dataApi: 'simple', ...settings }), {
        code: 'unavailable',
        message: /\/proc\/xx.* cannot be made: ENOENT/,
      })
    }
  })

  t.test('again in the same data folder finds the images', async t => {
    const dataDir = join(t.testdir(), 'data')
    const first = await startTestServer(t, embedded(dataDir))
    const { json } = await first.call('POST', '/v2/images', { body: { name: 'kept' } })
    await first[Symbol.asyncDispose]()
    const second = await startTestServer(t, embedded(dataDir))
    const found = await second.call('GET', `/v2/images/${String(json['id'])}`)
    t.equal(found.json['name'], 'kept')
  })
})

t.test('a second service is kept away', async t => {
  for (const { title, settings, message } of [
    {
      title: 'from the data folder',
      settings: (dataDir: string) => embedded(dataDir),
      message: 'the data folder .*',
    },
    {
      title: 'from the folder of the store',
      settings: (storeDir: string) => ({ store: 'file', storeDir }) as const,
      message: 'the data folder .*',
    },
    {
      title: 'from the folder of one of several stores',
      settings: (datadir: string) =>
        ({
          enabledBackends: [
            { id: 'fast', type: 'memory' },
            { id: 'slow', type: 'file', datadir },
          ],
          defaultBackend: 'fast',
        }) as const,
      message: 'the data folder .*',
    },
    {
      title: 'from the folder in which data is staged',
      settings: (stagingDir: string) => ({ stagingDir }),
      message: 'the data folder .*',
    },
    {
      title: 'from the database',
      settings: (folder: string, dataDir: string) =>
        ({
          dataApi: 'sqlite',
          connection: `sqlite:///${folder}/my.sqlite`,
          dataDir: join(folder, dataDir),
        }) as const,
      message: 'the database .*/my.sqlite',
    },
    {
      title: 'from the database in the data folder of another',
      settings: (folder: string, dataDir: string) =>
        ({
          dataApi: 'sqlite',
          connection: dataDir === 'one' ? null : `sqlite:///${folder}/one/glance.sqlite`,
          dataDir: join(folder, dataDir),
        }) as const,
      message: 'the database .*/glance.sqlite',
    },
  ]) {
    t.test(`${title}, and an upload that is under way there is left alone`, async t => {
      const folder = t.testdir()
      const first = await startTestServer(t, settings(folder, 'one'))
      const id = await first.create()
      const socket = await dialUpload(first, id, 'Content-Length: 9')
      socket.write('some')
      await untilStatus(first, id, 'saving')
      await t.rejects(startTestServer(t, settings(folder, 'two')), {
        code: 'unavailable',
        message: new RegExp(
          `^${message} is in use by another service \\(process ${process.pid}\\)$`,
        ),
      })
      socket.write(' data')
      t.match(await next(socket), /^HTTP\/1\.1 204 /)
      socket.destroy()
      t.equal((await download(first, id)).text, 'some data')
    })
  }

  t.test('from the folder of the cache', async t => {
    const given = { imageCacheDir: t.testdir() }
    await startTestServer(t, given)
    await t.rejects(startTestServer(t, given), { code: 'unavailable', message: /is in use by/ })
  })

  t.test('whose start failed keeps nobody away', async t => {
    const dataDir = t.testdir()
    const other = await startTestServer(t)
    await t.rejects(startServer({ ...embedded(dataDir), bindPort: other.port }), {
      message: /EADDRINUSE/,
    })
    await startTestServer(t, embedded(dataDir))
  })

  t.test('only as long as the first one runs: nothing but the lock is left of it', async t => {
    const storeDir = t.testdir()
    const first = await startTestServer(t, { store: 'file', storeDir })
    t.same(readdirSync(storeDir), ['.glance.lock', '.glance.pid'])
    await first[Symbol.asyncDispose]()
    t.same(readdirSync(storeDir), ['.glance.lock'])
    await startTestServer(t, { store: 'file', storeDir })
  })
})

t.test('stopping', async t => {
  t.test('lets an upload that is under way finish', async t => {
    const settings = { ...embedded(t.testdir()), shutdownGraceMs: 60_000 }
    const server = await startTestServer(t, settings)
    const id = await server.create()
    const socket = await dialUpload(server, id, 'Content-Length: 9')
    socket.write('some')
    await untilStatus(server, id, 'saving')
    const stopped = server[Symbol.asyncDispose]()
    socket.write(' data')
    t.match(await rest(socket), /^HTTP\/1\.1 204 /)
    await stopped
  })

  t.test('does not wait for clients that have asked for nothing', async t => {
    const settings = { ...embedded(t.testdir()), shutdownGraceMs: 0 }
    const server = await startTestServer(t, settings)
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    await server[Symbol.asyncDispose]()
    await closed
  })

  t.test('cuts it off when it takes too long; the image is queued, without data', async t => {
    const settings = { ...embedded(t.testdir()), shutdownGraceMs: 10 }
    const server = await startTestServer(t, settings)
    const id = await server.create()
    const socket = await dialUpload(server, id, 'Content-Length: 9')
    socket.on('error', () => {})
    socket.write('some')
    await untilStatus(server, id, 'saving')
    await server[Symbol.asyncDispose]()
    t.same(readdirSync(join(settings.dataDir, 'images')), [])
    await using database = await databaseIn(settings.dataDir)
    t.match(await database.images.find(id), { status: 'queued', size: null })
  })
})

t.test('starting after a crash in the middle of uploads', async t => {
  const dataDir = t.testdir()
  const images = join(dataDir, 'images')
  const before = await startTestServer(t, embedded(dataDir))
  const whole = await before.create()
  await before.upload(whole, 'whole')
  const [cutOff, stored] = [await before.create(), await before.create()]
  await before[Symbol.asyncDispose]()
  {
    await using database = await databaseIn(dataDir)
    for (const id of [cutOff, stored]) {
      await database.images.update(id, { status: 'saving', updatedAt: new Date() }, ['queued'])
    }
  }
  writeFileSync(join(images, stored), 'stored, but the database was not told')
  writeFileSync(join(images, `.${cutOff}.${randomUUID()}.partial`), 'half of it')
  const after = await startTestServer(t, embedded(dataDir))

  for (const [title, id] of [
    ['an image whose upload was cut off waits for its data again', cutOff],
    ['so does one whose data had just been stored', stored],
  ] as const) {
    t.test(title, async t => {
      t.match(await after.show(id), { status: 'queued', size: null })
      t.equal((await download(after, id)).status, 204)
    })
  }

  t.test('nothing of the data is left', async t => {
    t.same(readdirSync(images), [whole])
  })

  t.test('an image that was whole still is', async t => {
    t.equal((await download(after, whole)).text, 'whole')
  })

  t.test('and all can be uploaded', async t => {
    for (const id of [cutOff, stored]) t.equal((await after.upload(id, 'anew')).status, 204)
  })
})
