import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { bytesOf, collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { openDatabase } from '../../lib/database/open.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { completeConfig, readConfig, type ServerConfig } from '../../lib/server/config.ts'
import { storeConfigs } from '../../lib/server/store-configs.ts'
import { FilesystemStore } from '../../lib/store/filesystem.ts'
import { filesystemSettings } from '../../lib/store/filesystem-settings.ts'
import { openOrDisable, openStore } from '../../lib/store/open.ts'
import { runCommand } from '../support/command.ts'
import { filesIn } from '../support/files.ts'
import { ADMIN, OWNER, startTestServer } from '../support/server.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000002'
const MIB = 1024 * 1024
/** As somebody would name it in the configuration, once it is compiled. */
const SHELF = fileURLToPath(new URL('../examples/shelf.js', import.meta.url))

function read(t: Test, text: string, folder = t.testdir()): Promise<Partial<ServerConfig>> {
  const path = join(folder, 'glance-api.conf')
  writeFileSync(path, text)
  return readConfig(path)
}

/** The stores that a configuration makes, as far as they are told apart. */
async function storesOf(t: Test, text: string) {
  const { all, defaultId } = storeConfigs(completeConfig(await read(t, text)))
  return { types: all.map(({ type }) => type), defaultId, options: all[0]?.options }
}

t.test('stores without names', async t => {
  for (const [title, text, types] of [
    ['are file and http unless something else is said', '', ['file', 'http']],
    ['are those of stores', '[glance_store]\nstores = file', ['file']],
    [
      'are written to by default_store',
      '[glance_store]\nstores=http,file\ndefault_store=file',
      ['file', 'http'],
    ],
    [
      'have the names of their schemes, too',
      '[glance_store]\nstores = filesystem,https\ndefault_store = filesystem',
      ['file', 'http'],
    ],
    [
      'have the names of Folsom, too',
      'known_stores = glance.store.http.Store,\n glance.store.filesystem.Store\ndefault_store = file',
      ['file', 'http'],
    ],
    [
      "may be somebody else's",
      '[glance_store]\nstores = /opt/shelf.js, http\nshelf_folder = /shelf',
      ['/opt/shelf.js', 'http'],
    ],
  ] as const) {
    t.test(title, async t => {
      const found = await storesOf(t, text)
      t.strictSame([found.types, found.defaultId], [types, types[0]])
    })
  }

  t.test('take their options from one section, each its own', async t => {
    const options = 'filesystem_store_file_perm = 640\nfilesystem_thin_provisioning = true'
    const found = await storesOf(
      t,
      `filesystem_store_chunk_size = 4096\n[glance_store]\n${options}`,
    )
    t.match(found.options, {
      filesystem_store_datadir: /images$/,
      filesystem_store_chunk_size: '4096',
      filesystem_store_file_perm: '640',
      filesystem_thin_provisioning: 'true',
    })
    const lines = 'filesystem_store_datadirs = /one:200\nfilesystem_store_datadirs = /two'
    const several = await storesOf(t, `[glance_store]\n${lines}`)
    t.strictSame(several.options, { filesystem_store_datadirs: '/one:200\n/two' })
    const other = await storesOf(t, '[glance_store]\nstores = ./shelf.js\nshelf_folder = /shelf')
    t.match(other, { defaultId: /\/shelf\.js$/, options: { shelf_folder: '/shelf' } })
  })

  for (const [text, message] of [
    ['[glance_store]\nstores = file,tape', /line 2: \[glance_store\] stores: .* found 'tape'/],
    ['[glance_store]\nstores = http', /can be written to, found 'http'/],
    ['[glance_store]\nstores = file\ndefault_store = memory', /line 3: .* found 'memory'/],
    ['[glance_store]\ndefault_store = http', /can be written to/],
    ['[glance_store]\nfilesystem_store_colour = red', /there is no such option/],
    ['known_stores = glance.store.tape.Store', /found 'glance\.store\.tape\.Store'/],
  ] as const) {
    t.test(`are not ${JSON.stringify(text)}`, async t => {
      await t.rejects(read(t, text), { code: 'usage', message })
    })
  }
})

t.test('stores with names have options of their own', async t => {
  const config = await read(
    t,
    `enabled_backends = a:filesystem, b:./shelf.js
[a]
filesystem_store_datadirs = /one:200
filesystem_store_datadirs = /two
[b]
shelf_folder = /shelf
store_description = a shelf
`,
  )
  t.match(config.enabledBackends, [
    { id: 'a', type: 'file', options: { filesystem_store_datadirs: '/one:200\n/two' } },
    { id: 'b', type: /\/shelf\.js$/, description: 'a shelf', options: { shelf_folder: '/shelf' } },
  ])
})

t.test('what is wrong with a file store is told by the name of the option', async t => {
  const one = { filesystem_store_datadir: '/one' }
  for (const [options, message] of [
    [{}, 'filesystem_store_datadir or filesystem_store_datadirs has to be set'],
    [{ ...one, filesystem_store_datadirs: '/two' }, 'not both'],
    [
      { filesystem_store_datadirs: '/one:high' },
      /^filesystem_store_datadirs: .* found '\/one:high'/,
    ],
    [{ filesystem_store_datadirs: ':1' }, /^filesystem_store_datadirs/],
    [{ filesystem_store_datadirs: '/one:1\n/one:2' }, /\/one is there with the priorities 1 and 2/],
    [{ ...one, filesystem_store_file_perm: '888' }, /^filesystem_store_file_perm: expected octal/],
    [{ ...one, filesystem_store_file_perm: '040' }, /the service itself can read/],
    [
      { ...one, filesystem_store_chunk_size: '0' },
      /^filesystem_store_chunk_size: expected a whole/,
    ],
    [
      { ...one, filesystem_thin_provisioning: 'maybe' },
      /^filesystem_thin_provisioning: expected true/,
    ],
  ] as const) {
    t.throws(() => filesystemSettings(options), { code: 'usage', message })
  }
  t.match(filesystemSettings({ filesystem_store_datadirs: '/a:b:-5\n/a:b:-5\n /c : 7 \n/d:' }), {
    folders: [
      { path: '/a:b', priority: -5 },
      { path: '/c', priority: 7 },
      { path: '/d', priority: 0 },
    ],
    permissions: null,
  })
})

t.test('a file store of several folders', async t => {
  t.test('keeps every promise', async t => {
    storeSuite(t, {
      create: async t => {
        const folders = foldersIn(t, 1, 1)
        const store = await FilesystemStore.open('file', { folders, thin: true })
        const contents = async () => folders.flatMap(({ path }) => readdirSync(path))
        const cutOff = async (id: string) =>
          writeFileSync(join(folders[1].path, `.${id}.${OTHER}.partial`), 'abc')
        return { store, contents, cutOff }
      },
      skip: { 'a store that is full says so and keeps what it has': 'one folder shows that' },
    })
  })

  t.test('puts data into the one of the greatest priority', async t => {
    const [low, high] = foldersIn(t, 1, 2)
    await using store = await openFolders(low, high)
    const { location } = await store.add(ID, bytesOf('abc'), 3)
    t.equal(location.url, `file://${high.path}/${ID}`)
    t.equal(store.locate(ID).url, location.url)
    t.equal(store.locate(OTHER).url, `file://${high.path}/${OTHER}`)
  })

  t.test('finds, refuses and deletes what is in any of them', async t => {
    const [low, high] = foldersIn(t, 1, 2)
    await using store = await openFolders(low, high)
    writeFileSync(join(low.path, ID), 'before')
    t.equal((await collect(await store.open(store.locate(ID)))).toString(), 'before')
    await t.rejects(store.add(ID, bytesOf('abc'), 3), { code: 'duplicate' })
    t.ok(store.holds({ url: `file://${low.path}/${ID}` }))
    await store.delete(store.locate(ID))
    t.strictSame(readdirSync(low.path), [])
  })

  t.test('recovers each', async t => {
    const folders = foldersIn(t, 1, 2)
    await using store = await openFolders(...folders)
    const partial = `.${ID}.${OTHER}.partial`
    for (const { path } of folders) writeFileSync(join(path, partial), 'abc')
    await store.recover()
    t.strictSame(
      folders.flatMap(({ path }) => readdirSync(path)),
      [],
    )
  })
})

t.test('data for which there is no room is refused before it is read', async t => {
  const [folder] = foldersIn(t, 0, 0)
  await using store = await openFolders(folder)
  const { bfree, bsize } = await statfs(folder.path)
  async function* unread(): AsyncGenerator<Uint8Array> {
    yield* bytesOf('abc')
    t.fail('it was read')
  }
  const size = Math.min(bfree * bsize * 2, Number.MAX_SAFE_INTEGER)
  await t.rejects(store.add(ID, unread(), size), { code: 'over_limit', message: /no room for/ })
  t.strictSame(readdirSync(folder.path), [])
})

t.test('zeros take up no room where that is wanted', async t => {
  const [folder] = foldersIn(t, 0, 0)
  const zeros = async function* () {
    yield* bytesOf('abc')
    for (let i = 0; i < 8; i += 1) yield new Uint8Array(MIB)
  }
  for (const thin of [false, true]) {
    await using store = await FilesystemStore.open('file', { folders: [folder], thin })
    const { size, location } = await store.add(thin ? ID : OTHER, zeros(), null)
    t.equal(size, 8 * MIB + 3)
    t.equal(await store.size(location), size)
    const found = await collect(await store.open(location))
    t.ok(found.equals(await collect(zeros())), 'it reads the same')
    const { blocks } = statSync(join(folder.path, thin ? ID : OTHER))
    t.equal(blocks * 512 < MIB, thin, `${blocks} blocks`)
  }
})

t.test('files and folders have the permissions that are wanted', async t => {
  const [folder] = foldersIn(t, 0, 0)
  mkdirSync(folder.path, { recursive: true })
  chmodSync(folder.path, 0o700)
  await using store = await FilesystemStore.open('file', { folders: [folder], permissions: 0o644 })
  await store.add(ID, bytesOf('abc'), 3)
  t.equal(statSync(join(folder.path, ID)).mode & 0o777, 0o644)
  t.equal(statSync(folder.path).mode & 0o777, 0o711, 'and others are let through')
})

t.test('a location says by which mount others know the folder', async t => {
  const [low, high] = foldersIn(t, 1, 2)
  const file = join(t.testdir(), 'mounts.json')
  const mount = { id: 'share', mountpoint: high.path, kind: 'nfs' }
  const open = () => FilesystemStore.open('file', { folders: [low, high], metadataFile: file })
  writeFileSync(file, JSON.stringify([{ id: 'other', mountpoint: high.path.slice(0, -1) }, mount]))
  await using store = await open()
  const { location } = await store.add(ID, patternedBytes(1), 1)
  t.strictSame(location.metadata, mount)
  for (const [text, message] of [
    ['{', /mounts\.json cannot be used: /],
    ['{"id": 1, "mountpoint": "/x"}', /mounts\.json has to be an object/],
  ] as const) {
    writeFileSync(file, text)
    await t.rejects(open(), { code: 'usage', message })
  }
  await t.rejects(
    FilesystemStore.open('file', { folders: [low], metadataFile: join(file, 'none') }),
    { code: 'usage', message: /^filesystem_store_metadata_file: / },
  )
})

t.test('a service remembers it', async t => {
  const dataDir = t.testdir()
  const file = join(dataDir, 'mounts.json')
  const folder = join(dataDir, 'one')
  writeFileSync(file, JSON.stringify({ id: 'share', mountpoint: folder }))
  const options = { filesystem_store_metadata_file: file }
  const server = await startTestServer(t, {
    enabledBackends: [{ id: 'one', type: 'file', datadir: folder, options }],
    defaultBackend: 'one',
    showMultipleLocations: true,
  })
  const id = await server.create()
  await server.upload(id, 'data')
  const metadata = { id: 'share', mountpoint: folder, store: 'one' }
  t.strictSame((await server.show(id))['locations'], [{ url: `file://${folder}/${id}`, metadata }])
})

t.test('a store that is configured wrongly', async t => {
  const dataDir = t.testdir()
  const folder = join(dataDir, 'images')
  const settings = (options: Readonly<Record<string, string>>) =>
    ({
      auth: 'trusted_headers',
      dataApi: 'sqlite',
      dataDir,
      enabledBackends: [
        { id: 'wrong', type: 'file', datadir: folder, options },
        { id: 'right', type: 'memory' },
      ],
      defaultBackend: 'wrong',
    }) as const
  const before = await startTestServer(t, settings({}))
  const id = await before.create()
  const kept = await before.create()
  for (const image of [id, kept]) await before.upload(image, 'some data')
  await before[Symbol.asyncDispose]()
  const told: string[] = []
  const server = await startTestServer(t, settings({ filesystem_store_chunk_size: 'big' }), error =>
    told.push(String(error)),
  )

  t.test('is told of in one line when the service starts', async t => {
    t.match(told, [/store wrong takes no images: filesystem_store_chunk_size: expected .*'big'$/])
    t.equal(told.length, 1)
  })

  t.test('takes no data', async t => {
    const image = await server.create()
    const { status, text } = await server.upload(image, 'data')
    t.equal(status, 410)
    t.match(text, 'Error in store configuration. Adding images to store is disabled.')
    t.equal((await server.show(image))['status'], 'queued')
    const elsewhere = { 'x-image-meta-store': 'right' }
    t.equal((await server.upload(image, 'data', OWNER, elsewhere)).status, 204, 'others do')
  })

  t.test('is read, and deleted from', async t => {
    t.equal((await server.call('GET', `/v2/images/${id}/file`, { as: OWNER })).text, 'some data')
    t.equal((await server.call('DELETE', `/v2/images/${id}`, { as: OWNER })).status, 204)
    t.strictSame(filesIn(folder), [kept])
    t.equal(told.length, 1)
  })

  t.test('is told of by the API as ever', async t => {
    const { json } = await server.call('GET', '/v2/info/stores/detail', { as: ADMIN })
    t.match(json['stores'], [{ id: 'wrong', default: 'true', type: 'file', properties: {} }, {}])
  })

  t.test('that nobody can write to is one', async t => {
    const store = await openOrDisable({
      id: 'x',
      type: 'file',
      options: { filesystem_store_datadir: '/proc/xx' },
      filter: DEFAULT_FILTER,
    })
    await t.rejects(store.add(ID, bytesOf(''), 0), { code: 'gone' })
    t.equal(store.locate(ID).url, `file:///proc/xx/${ID}`)
    await t.rejects(store.open(store.locate(ID)), { code: 'not_found' })
    const server = await startTestServer(t, { storeDir: '/proc/xx', store: 'file' }, error =>
      t.match(error, { message: /^store file takes no images: .*\/proc\/xx cannot be used/ }),
    )
    const image = await server.create()
    t.equal((await server.upload(image, 'data')).status, 410)
  })
})

t.test("somebody else's store", async t => {
  const config = (type: string, options: Readonly<Record<string, string>> = {}) =>
    ({ id: 'mine', type, options, filter: DEFAULT_FILTER }) as const

  t.test('keeps every promise', async t => {
    storeSuite(t, {
      create: async t => {
        const folder = t.testdir()
        const store = await openStore(config(SHELF, { shelf_folder: folder }))
        const cutOff = async (id: string) => writeFileSync(join(folder, `${id}.1.partial`), 'abc')
        return { store, cutOff, contents: async () => readdirSync(folder) }
      },
      skip: { 'a store that is full says so and keeps what it has': 'the disk has no end here' },
    })
  })

  t.test('is put to the suite by node:test as well', async t => {
    const suite = fileURLToPath(new URL('../examples/shelf-suite.js', import.meta.url))
    const words = ['--test', '--test-reporter=tap', suite]
    const { status, stdout } = await runCommand(process.execPath, words)
    t.equal(status, 0, stdout)
  })

  t.test('keeps the data of a service', async t => {
    const folder = join(t.testdir(), 'shelf')
    const backend = { id: 'mine', type: SHELF, options: { shelf_folder: folder } }
    const server = await startTestServer(t, { enabledBackends: [backend], defaultBackend: 'mine' })
    const id = await server.create()
    await server.upload(id, 'some data')
    t.strictSame(filesIn(folder), [id])
    t.equal((await server.call('GET', `/v2/images/${id}/file`)).text, 'some data')
    await server.call('DELETE', `/v2/images/${id}`)
    t.strictSame(filesIn(folder), [])
  })

  const modules = t.testdir({
    'none.mjs': 'export const x = 1',
    'half.mjs': 'export const openStore = async () => ({ id: "x" })',
    'throws.mjs': 'export const openStore = async () => { throw new Error("no shelf") }',
    'broken.mjs': 'export const',
  })
  for (const [name, message] of [
    ['missing.mjs', /expected file, http, memory.* or a module, and there is none of that name/],
    ['none.mjs', /has to export a function openStore/],
    ['half.mjs', /what openStore opens has no writable, schemes, locate/],
    ['throws.mjs', /throws\.mjs: no shelf/],
    ['broken.mjs', /cannot be loaded/],
  ] as const) {
    t.test(`is told to be wrong, as ${name}`, async t => {
      await t.rejects(openStore(config(join(modules, name))), { message })
      const store = await openOrDisable(config(join(modules, name)))
      await t.rejects(store.add(ID, bytesOf(''), 0), { code: 'gone' })
      await t.rejects(store.open({ url: 'shelf:/x' }), { code: 'unavailable' })
    })
  }
})

t.test('a store that is down keeps no service from starting', async t => {
  const dataDir = t.testdir({
    'down.mjs': `const fail = async () => { throw new Error('the store is down') }
      export const openStore = async ({ id }) => ({
        id, writable: true, schemes: ['down'], locate: id => ({ url: 'down:/' + id }), holds: () => true,
        add: fail, open: fail, size: fail, delete: fail, recover: fail, [Symbol.asyncDispose]: async () => {},
      })`,
  })
  const settings = (type: string) =>
    ({
      dataApi: 'sqlite',
      dataDir,
      enabledBackends: [{ id: 'one', type }],
      defaultBackend: 'one',
    }) as const
  const before = await startTestServer(t, settings('memory'))
  const id = await before.create()
  await before[Symbol.asyncDispose]()
  {
    const connection = `sqlite:///${dataDir}/glance.sqlite`
    await using database = await openDatabase({ dataApi: 'sqlite', connection })
    await database.images.update(id, { status: 'saving', updatedAt: new Date() }, ['queued'])
  }
  const told: unknown[] = []
  const during = await startTestServer(t, settings(join(dataDir, 'down.mjs')), error =>
    told.push(error),
  )
  t.match(told, [{ message: 'the store is down' }, { message: 'the store is down' }])
  t.equal((await during.show(id))['status'], 'saving', 'what is left of it is not known')
  await during[Symbol.asyncDispose]()
  const after = await startTestServer(t, settings('memory'))
  t.equal((await after.show(id))['status'], 'queued')
})

/** Two folders that are not there yet. */
function foldersIn(t: Test, first: number, second: number) {
  const parent = t.testdir()
  return [
    { path: join(parent, 'first'), priority: first },
    { path: join(parent, 'second'), priority: second },
  ] as const
}

async function openFolders(
  ...folders: readonly { readonly path: string; readonly priority: number }[]
): Promise<FilesystemStore> {
  return await FilesystemStore.open('file', { folders })
}
