import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { FilesystemStore } from '../../lib/store/filesystem.ts'
import { MemoryStore } from '../../lib/store/memory.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { bytesOf, collect, patternedBytes } from '../../lib/compliance/bytes.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const OTHER = '11111111-2222-4333-8444-555555555555'
const MIB = 1024 * 1024
process.on('SIGXFSZ', () => {}) // Which would kill us at the limit that a case sets.
const FULL = 'a store that is full says so and keeps what it has'
const CUT_OFF = 'recovery removes what a crash left of a write'

t.test('the memory store', async t => {
  storeSuite(t, {
    create: async () => ({ store: new MemoryStore('memory') }),
    skip: {
      'a big image takes no more memory than a small one': 'memory is where it is kept',
      [FULL]: 'memory has no end that a process would survive',
      [CUT_OFF]: 'memory does not survive a crash',
    },
  })
})

t.test('the filesystem store', async t => {
  const canLimit = await limitFileSize('unlimited').then(
    () => true,
    () => false,
  )
  storeSuite(t, {
    create: async t => {
      const datadir = join(t.testdir(), 'images')
      return {
        store: await openFolder(datadir),
        contents: () => readdir(datadir),
        cutOff: async id => writeFileSync(join(datadir, `.${id}.${OTHER}.partial`), 'abc'),
        whileFull: async (bytes, work) => {
          await limitFileSize(String(bytes))
          try {
            await work()
          } finally {
            await limitFileSize('unlimited')
          }
        },
      }
    },
    skip: canLimit ? {} : { [FULL]: 'needs prlimit of util-linux to set a limit' },
  })
})

t.test('the folder is created for the service and its group alone', async t => {
  const datadir = join(t.testdir(), 'deep/er')
  await openFolder(datadir)
  t.equal(statSync(datadir).mode & 0o777, 0o750)
})

t.test('a folder that cannot be used is refused at once, by name', async t => {
  const file = join(t.testdir({ file: 'not a folder' }), 'file')
  for (const [datadir, reason] of [
    [file, 'EEXIST'],
    [join(file, 'images'), 'ENOTDIR'],
    ['/proc/xx/images', 'ENOENT'], // Where nobody can make a folder, and Node would try for ever.
  ] as const) {
    await t.rejects(openFolder(datadir), {
      code: 'unavailable',
      message: new RegExp(`^store file: the folder ${datadir} cannot be used: ${reason}`),
    })
  }
})

t.test('locations are as Glance writes them', async t => {
  const datadir = t.testdir()
  await using store = await openFolder(datadir)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.equal(location.url, `file://${datadir}/${ID}`)
  t.equal(await store.size({ url: `filesystem://${datadir}/${ID}` }), 3, 'or once wrote them')
})

t.test('a folder may have any name', async t => {
  const datadir = join(t.testdir(), 'a b%20#?ü')
  await using store = await openFolder(datadir)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.match(location.url, /\/a%20b%2520%23%3F%C3%BC\//)
  t.equal((await collect(await store.open(location))).toString(), 'abc')
  await store.delete(location)
  t.strictSame(readdirSync(datadir), [])
})

t.test(
  'a location that is not a local file is refused, without its credentials in the message',
  async t => {
    await using store = await openFolder(t.testdir())
    for (const url of [
      'swift+https://user:secret@example.org/container/object',
      'http://example.org/image',
      'no url',
      'file://elsewhere/path',
      'file:///a%2Fb',
      'file:///a%00b',
    ]) {
      await t.rejects(store.open({ url }), { code: 'invalid', message: /^(?!.*secret)/ }, url)
      await t.rejects(store.delete({ url }), { code: 'invalid' })
    }
  },
)

t.test('a file outside the folder is never deleted', async t => {
  const parent = t.testdir({ [ID]: 'mine', images: { sub: { [ID]: 'mine' } } })
  await using store = await openFolder(join(parent, 'images'))
  for (const path of [ID, `images/../${ID}`, `images/sub/${ID}`, 'images']) {
    await t.rejects(store.delete({ url: `file://${parent}/${path}` }), { code: 'forbidden' }, path)
  }
  t.ok(statSync(join(parent, ID)).isFile())
})

t.test('a file that shrinks while it is read is corrupt', async t => {
  const datadir = t.testdir()
  await using store = await openFolder(datadir)
  const { location } = await store.add(ID, patternedBytes(5 * MIB), null)
  const data = await store.open(location)
  const read = async () => {
    for await (const _ of data) truncateSync(join(datadir, ID), 3 * MIB + 5)
  }
  await t.rejects(read(), {
    code: 'corrupt',
    message: `the file ends after ${3 * MIB + 5} of ${5 * MIB} bytes`,
  })
})

t.test(
  'a file that is removed before it is read is gone; while it is read, it is read on',
  async t => {
    const datadir = t.testdir()
    await using store = await openFolder(datadir)
    const { location } = await store.add(ID, patternedBytes(3 * MIB), null)
    const early = await store.open(location)
    const late = await store.open(location)
    let read = 0
    for await (const chunk of late) {
      if (read === 0) unlinkSync(join(datadir, ID))
      read += chunk.length
    }
    t.equal(read, 3 * MIB)
    await t.rejects(collect(early), { code: 'gone' })
  },
)

t.test('recovery removes what was being written, and nothing else', async t => {
  const others = ['readme', '.hidden', `.${ID}.partial`, `${ID}.partial`, `.${ID}.x.partial`]
  const partial = `.${ID}.${OTHER}.partial`
  const datadir = t.testdir()
  for (const name of [...others, partial]) writeFileSync(join(datadir, name), 'abc')
  mkdirSync(join(datadir, 'lost+found'))
  await using store = await openFolder(datadir)
  await store.add(ID, bytesOf('abc'), 3)
  await store.recover()
  t.strictSame(readdirSync(datadir).toSorted(), [...others, ID, 'lost+found'].toSorted())
})

t.test('what is being written has no name that could be taken for an image', async t => {
  const datadir = t.testdir()
  await using store = await openFolder(datadir)
  async function* data() {
    yield* bytesOf('abc')
    const [name, ...others] = readdirSync(datadir)
    t.match(name, /^\..*\.partial$/)
    t.strictSame(others, [])
  }
  await store.add(ID, data(), null)
  t.strictSame(readdirSync(datadir), [ID])
})

/** Sets this process's soft limit of what a file may grow to: bytes, or `unlimited`. */
async function limitFileSize(limit: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(process.pid), `--fsize=${limit}:`])
}

async function openFolder(path: string): Promise<FilesystemStore> {
  return await FilesystemStore.open('file', { folders: [{ path, priority: 0 }] })
}
