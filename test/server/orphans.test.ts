import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../lib/database/open.ts'
import { readConfig } from '../../lib/server/config.ts'
import { namesData } from '../../lib/server/domain/naming.ts'
import { Stores } from '../../lib/server/domain/stores.ts'
import { FilesystemStore } from '../../lib/store/filesystem.ts'
import { swiftSettings } from '../../lib/store/swift/settings.ts'
import { SwiftStore } from '../../lib/store/swift/swift.ts'
import { FakeClock } from '../support/clock.ts'
import { filesIn } from '../support/files.ts'
import { run } from '../support/program.ts'
import { OWNER, startTestServer, type TestServer } from '../support/server.ts'

const NOW = '2026-11-23T12:00:00.000Z'
const HOUR = 3_600_000
const [NOBODY, OTHER] = [
  '11111111-2222-4333-8444-555555555555',
  '99999999-2222-4333-8444-555555555555',
]

/** A service with two folders, on which `scrub` works as beside it. */
async function start(t: Test) {
  const folder = t.testdir()
  const config = join(folder, 'glance-api.conf')
  writeFileSync(
    config,
    `auth = trusted_headers
data_dir = ${folder}
enabled_backends = one:file, two:file, web:http
delayed_delete = true
show_multiple_locations = true
[glance_store]
default_backend = one
[one]
filesystem_store_datadirs = ${folder}/one:1
filesystem_store_datadirs = ${folder}/first:2
[two]
filesystem_store_datadir = ${folder}/two
`,
  )
  const settings = await readConfig(config)
  const clock = () => new Date(NOW)
  const server = await startTestServer(t, { dataApi: 'sqlite', ...settings }, undefined, clock)
  const scrub = (...words: readonly string[]) =>
    run(['scrub', '--config', config, ...words], {}, { clock: new FakeClock(NOW) })
  /** Puts a file there, so many hours old. */
  const put = (path: string, hours = 25) => {
    writeFileSync(join(folder, path), 'data')
    const at = new Date(Date.parse(NOW) - hours * HOUR)
    utimesSync(join(folder, path), at, at)
  }
  const found = async (...words: readonly string[]) => {
    const { stdout, status, stderr } = await scrub('--json', ...words)
    return { status, stderr, ...(JSON.parse(stdout) as Found) } // As documented.
  }
  const files = () =>
    ['one', 'first', 'two', 'staging'].flatMap(name =>
      filesIn(join(folder, name)).map(file => `${name} ${file}`),
    )
  return { server, folder, config, scrub, put, found, files }
}

async function openDatabaseIn(folder: string) {
  const connection = `sqlite:///${folder}/glance.sqlite`
  return await openDatabase({ dataApi: 'sqlite', connection })
}

interface Found {
  readonly images: readonly { readonly id: string; readonly status: string }[]
  readonly totals: object
}

async function uploaded(server: TestServer, store = 'one'): Promise<string> {
  const id = await server.create()
  await server.upload(id, 'data', OWNER, { 'x-image-meta-store': store })
  return id
}

t.test('scrub --orphans', async t => {
  t.test('tells of what no image names, and deletes nothing', async t => {
    const { server, scrub, put, found, files } = await start(t)
    const kept = await uploaded(server)
    put(`first/${kept}`, 100)
    put(`one/${NOBODY}`)
    put(`two/.${OTHER}.${NOBODY}.partial`)
    const before = files()
    const { status, images, totals, stderr } = await found('--orphans')
    t.equal(status, 1)
    t.equal(stderr, '')
    const common = { status: 'orphan', image: null, size: 4, modified: '2026-11-22T11:00:00.000Z' }
    t.strictSame(images, [
      { id: NOBODY, store: 'one', ...common, whole: true, error: null },
      { id: OTHER, store: 'two', ...common, whole: false, error: null },
    ])
    t.strictSame(totals, { orphans: 2, bytes: 8, removed: 0, failed: 0 })
    t.match(await scrub('--orphans'), {
      stdout: `${NOBODY}: 4.0 B in store one, last written 2026-11-22T11:00:00.000Z, of no image
${OTHER}: 4.0 B of a write that was cut off in store two, last written 2026-11-22T11:00:00.000Z, of no image
2 orphans (8.0 B), 0 deleted, 0 failed\n`,
    })
    t.strictSame(files(), before)
  })

  t.test('deletes them where that is asked for, and nowhere else', async t => {
    const { server, scrub, put, found, files } = await start(t)
    const kept = [await uploaded(server), await uploaded(server, 'two')]
    put(`one/${NOBODY}`)
    put(`one/.${OTHER}.${NOBODY}.partial`)
    put(`two/${OTHER}`)
    t.match(await scrub('--delete-orphans', 'one', '--dry-run'), {
      status: 1,
      stdout: /of no image: would be deleted\n.*of no image: would be deleted\n.*of no image\n/,
    })
    t.match(await found('--delete-orphans', 'one'), {
      status: 1,
      totals: { orphans: 1, removed: 2, failed: 0 },
    })
    const left = [`first ${kept[0]}`, `two ${OTHER}`, `two ${kept[1]}`]
    t.strictSame(files().toSorted(), left.toSorted())
    t.match(await found('--delete-orphans', 'one', '--delete-orphans', 'two'), {
      status: 0,
      totals: { orphans: 0, removed: 1 },
    })
    t.match(await found('--orphans'), { status: 0, images: { length: 0 } })
  })

  t.test('leaves alone what is young, and what is not named as ours is', async t => {
    const { server, put, found, folder, files } = await start(t)
    const id = await uploaded(server)
    put(`one/${NOBODY}`, 23)
    for (const name of ['notes.txt', `${NOBODY}.qcow2`, `x${NOBODY}`, `${NOBODY}-00001`]) {
      put(`two/${name}`)
    }
    mkdirSync(join(folder, 'two', OTHER))
    const before = files()
    const both = ['--delete-orphans', 'one', '--delete-orphans', 'two']
    t.match(await found(...both), { status: 0, images: { length: 0 } })
    t.strictSame(files(), before)
    t.match(await found('--orphans', '--min-age', '24'), { images: { length: 0 } })
    t.match(await found('--delete-orphans', 'one', '--min-age', '23'), {
      images: [{ id: NOBODY, status: 'removed' }],
    })
    t.equal((await server.show(id))['status'], 'active')
  })

  t.test('finds what a deleted image, and one that lives on, left behind', async t => {
    const { server, put, found, scrub } = await start(t)
    const [gone, live] = [await uploaded(server), await uploaded(server)]
    await server.call('DELETE', `/v2/images/${gone}`, { as: OWNER })
    t.match(await found('--orphans', '--min-age', '0'), { images: { length: 0 } }, 'not yet')
    await scrub()
    put(`one/${gone}`)
    put(`two/${live}`)
    const { images } = await found('--delete-orphans', 'one', '--delete-orphans', 'two')
    t.match(images, [
      { id: gone, store: 'one', image: 'deleted', status: 'removed' },
      { id: live, store: 'two', image: 'active', status: 'removed' },
    ])
    t.equal((await server.call('GET', `/v2/images/${live}/file`, { as: OWNER })).text, 'data')
  })

  t.test('keeps what another image names, however it spells that', async t => {
    const { server, put, found, folder } = await start(t)
    await uploaded(server, 'two')
    await using database = await openDatabaseIn(folder)
    for (const url of [`file://${folder}/two/${NOBODY}`, `filesystem://${folder}/two/./${OTHER}`]) {
      put(`two/${url.slice(-36)}`)
      const locations = [{ url, metadata: {} }]
      const change = { status: 'active', locations, updatedAt: new Date(NOW) } as const
      await database.images.update(await server.create(), change, ['queued'])
    }
    t.match(await found('--delete-orphans', 'two'), { status: 0, images: { length: 0 } })
  })

  t.test('keeps what is on its way, and looks through what is staged too', async t => {
    const { server, put, found, folder } = await start(t)
    const [saving, staged] = [await server.create(), await server.create()]
    await server.call('PUT', `/v2/images/${staged}/stage`, {
      as: OWNER,
      headers: { 'content-type': 'application/octet-stream' },
      body: 'data',
    })
    put(`staging/${staged}`)
    put(`staging/${NOBODY}`)
    put(`one/.${saving}.${NOBODY}.partial`)
    await using database = await openDatabaseIn(folder)
    await database.images.update(saving, { status: 'saving', updatedAt: new Date(NOW) }, ['queued'])
    t.match(await found('--delete-orphans', 'one', '--delete-orphans', 'os_glance_staging_store'), {
      images: [{ id: NOBODY, store: 'os_glance_staging_store', status: 'removed' }],
      totals: { orphans: 0, removed: 1 },
    })
  })

  t.test('deletes nothing of a store that the database knows nothing of', async t => {
    const { put, found, files } = await start(t)
    put(`one/${NOBODY}`)
    put(`two/${OTHER}`)
    const { status, stderr, images } = await found('--delete-orphans', 'one')
    t.equal(status, 1)
    t.match(stderr, /store one: the database knows nothing of what is in there/)
    t.match(images, [{ id: OTHER, status: 'orphan' }], 'and the others are looked through')
    t.strictSame(files(), [`one ${NOBODY}`, `two ${OTHER}`])
  })

  t.test('tells what cannot be looked through or deleted, and goes on', async t => {
    const { server, put, found, folder } = await start(t)
    await uploaded(server)
    put(`two/${OTHER}`)
    rmSync(join(folder, 'first'), { recursive: true })
    writeFileSync(join(folder, 'first'), 'no folder')
    t.match(await found('--orphans'), {
      status: 1,
      stderr: /store one cannot be looked through/,
      images: [{ id: OTHER }],
    })
  })

  t.test('takes no options that have nothing to do with it', async t => {
    const { scrub } = await start(t)
    for (const [words, said] of [
      [['--orphans', '--daemon'], /--daemon and --orphans: give one of them/],
      [['--orphans', '--restore', NOBODY], /--restore and --orphans: give one of them/],
      [['--daemon', '--dry-run'], /--dry-run does not go together with --daemon/],
      [['--min-age', '3'], /--min-age is for --orphans/],
      [['--orphans', '--min-age', '-1'], /--min-age: expected a whole number/],
      [['--delete-orphans', 'three'], /expected one of one, two, .*, found 'three'/],
    ] as const) {
      t.match(await scrub(...words), { status: 2, stderr: said })
    }
  })
})

t.test('scrub --dry-run tells what would be deleted, and deletes nothing', async t => {
  const { server, scrub, files } = await start(t)
  const id = await uploaded(server)
  await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })
  t.match(await scrub('--dry-run'), {
    status: 0,
    stdout: `${id}: would be deleted, with its data at 1 place\n1 image would be deleted, data at 1 place, 0 failed\n`,
  })
  t.strictSame(files(), [`first ${id}`])
  t.match(await scrub(), { stdout: '1 image deleted' })
})

t.test('a location may be that of what is in a store, unless it is elsewhere for sure', async t => {
  const swift = (id: string, container: string, account: string) => {
    const settings = swiftSettings({
      swift_store_auth_version: '1',
      swift_store_auth_address: 'http://swift.test/auth/v1.0',
      swift_store_user: account,
      swift_store_key: 'testing',
      swift_store_container: container,
    })
    return SwiftStore.open(id, settings)
  }
  const [one, same, apart] = [
    await swift('one', 'images', 'test:one'),
    await swift('same', 'images', 'test:two'),
    await swift('apart', 'others', 'test:one'),
  ]
  const folder = t.testdir()
  const file = async (name: string) =>
    await FilesystemStore.open(name, { folders: [{ path: join(folder, name, 'in'), priority: 0 }] })
  const [here, there] = [await file('here'), await file('there')]
  const all = [one, same, apart, here, there].map(store => {
    const nothing = { description: null, weight: 0, properties: {}, isDisabled: false }
    return { store, type: 'file', ...nothing }
  })
  const stores = new Stores(all, 'one', true)
  for (const [store, url, wanted] of [
    [one, one.locate(NOBODY).url, true],
    [one, one.locate(OTHER).url, false],
    [one, one.locate(NOBODY).url.replace('testing', 'yesterday'), true],
    [one, same.locate(NOBODY).url, true],
    [one, apart.locate(NOBODY).url, false],
    [one, here.locate(NOBODY).url, false],
    [one, `swift+config://someone/elsewhere/${NOBODY}`, true],
    [one, `rbd://fsid/pool/${NOBODY.toUpperCase()}/snap`, true],
    [here, here.locate(NOBODY).url, true],
    [here, there.locate(NOBODY).url, false],
    [here, `file:///mnt/images/${NOBODY}`, true],
  ] as const) {
    const data = { id: NOBODY, location: store.locate(NOBODY), size: 4, isWhole: true }
    const found = { ...data, modifiedAt: new Date(NOW) }
    t.equal(namesData(stores, { url, metadata: {} }, store, found), wanted, `${store.id}: ${url}`)
  }
  for (const { store } of all) await store[Symbol.asyncDispose]()
})
