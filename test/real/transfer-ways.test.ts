import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { forwardAs } from '../support/forward.ts'
import { bytesOf, idOf } from '../support/images.ts'
import { startListener } from '../support/listener.ts'
import { runProgram } from '../support/command.ts'
import { ADMIN } from '../support/server.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { idsOf, replicator } from './support/replicator.ts'
import type { Service } from './support/service.ts'

const DATA = [bytesOf(1, 5_000_000), bytesOf(2, 300_000)]
const IDS = [idOf(1), idOf(2)]
const REGION = 'North'

/** What a Glance may fetch, which by default is nothing from this machine. */
const FETCHING = {
  config: `[DEFAULT]
enabled_import_methods = [web-download,glance-download]
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
disallowed_ports = []
disallowed_hosts = [forbidden.example.com]
`,
}

async function fill(service: Service): Promise<void> {
  for (const [i, id] of IDS.entries()) {
    await service.create({
      id,
      name: `image ${i}`,
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'public',
      tags: ['one'],
      note: 'ours',
    })
    await service.uploadBytes(id, new Uint8Array(DATA[i] ?? []))
  }
}

async function isSame(t: Test, source: Service, target: { readonly url: string }): Promise<void> {
  t.match(await replicator('compare', '--deep', source.url, target.url), {
    status: 0,
    results: { totals: { missing: 0, differs: 0, same: IDS.length } },
  })
}

/**
 * Debian's Glance that fetches, and a listener before it that makes everybody an administrator with a catalogue: without
 * a project to work for it imports nothing.
 */
async function startFetcher(t: Test, source: Service) {
  const glance = await Glance.start({ policy: {}, trusted: true, setting: FETCHING })
  const endpoints = [{ region: REGION, publicURL: source.url }]
  const catalog = JSON.stringify([{ type: 'image', endpoints }])
  const caller = { ...ADMIN, 'x-auth-token': 'any', 'x-service-catalog': catalog }
  const url = await startListener(t, (request, response) => {
    void forwardAs(caller, glance.url, request, response)
  })
  return { url, [Symbol.asyncDispose]: async () => await glance[Symbol.asyncDispose]() }
}

/** How the images were copied, by what is told of them. */
const waysOf = ({ images }: Awaited<ReturnType<typeof replicator>>['results']) =>
  images.map(({ via }) => via)

t.test("a target of Debian's fetches the data by itself", async t => {
  await using source = await Glance.start()
  await fill(source)

  for (const { title, words, ways } of [
    { title: 'with --via web-download', words: ['--via', 'web-download'], ways: 'web-download' },
    {
      title: 'with --via glance-download, by the region of the source',
      words: ['--via', 'glance-download', '--source-region', REGION],
      ways: 'glance-download',
    },
    { title: 'with --via auto', words: ['--via', 'auto'], ways: 'web-download' },
  ]) {
    await t.test(title, async t => {
      await using target = await startFetcher(t, source)
      const ends = [source.address, target.url]
      const { status, results } = await replicator('livecopy', ...words, ...ends)
      t.equal(status, 0, { results })
      t.strictSame(waysOf(results), [ways, ways])
      await isSame(t, source, target)
      t.match(await replicator('livecopy', ...words, ...ends), { results: { totals: { same: 2 } } })
    })
  }

  await t.test('or is sent it with --via auto, when it may not', async t => {
    await using target = await Glance.start()
    const words = ['--via', 'auto', source.address, target.address]
    const { status, results } = await replicator('livecopy', ...words)
    t.equal(status, 0, { results })
    t.strictSame(waysOf(results), [null, null])
    await isSame(t, source, target)
  })

  await t.test('and fails when it is to and does not', async t => {
    await using target = await Glance.start({
      setting: { config: '[DEFAULT]\nenabled_import_methods = [glance-direct]\n' },
    })
    const words = ['--via', 'web-download', source.address, target.address]
    const { status, results } = await replicator('livecopy', ...words)
    t.equal(status, 1)
    t.match(results, { images: [{ error: { code: 'unsupported' } }], totals: { failed: 2 } })
    t.strictSame((await target.call('GET', 'images?os_hidden=true')).document['images'], [])
  })
})

t.test("our v1 fetches the data of Debian's Glance with --via copy-from", async t => {
  await using source = await Glance.start()
  await using target = await Embedded.start({
    sections: {
      import_filtering_opts: {
        allowed_hosts: '[127.0.0.1]',
        allowed_ports: '[]',
        disallowed_ports: '[]',
      },
    },
  })
  await fill(source)
  const words = ['--via', 'copy-from', '--target-api', '1', source.address, target.address]
  const { status, results } = await replicator('livecopy', ...words)
  t.equal(status, 0, { results })
  t.strictSame(waysOf(results), ['copy-from', 'copy-from'])
  t.match(await replicator('compare', '--target-api', '1', source.address, target.address), {
    status: 0,
  })
})

t.test("several targets, each Debian's Glance or ours, get what is read once", async t => {
  await using source = await Glance.start()
  await fill(source)
  await using one = await Glance.start()
  await using two = await Embedded.start()
  await using gone = await Glance.start()
  let read = 0
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('/file') === true) read += 1
    void forwardAs({}, source.url, request, response)
  })
  await gone[Symbol.asyncDispose]()
  // The second has one of the images already.
  await replicator('livecopy', '--filter', `id=${IDS[0]}`, source.address, two.address)
  const { status, results } = await replicator(
    'livecopy',
    url,
    one.address,
    two.address,
    gone.address,
  )
  t.equal(status, 1, 'one of the targets is not there')
  t.equal(results.totals['created'], 3)
  t.equal(read, 2, 'the data of each image is read once')
  await isSame(t, source, one)
  await isSame(t, source, two)
})

t.test("ranges of Debian's Glance make up a dump", async t => {
  await using source = await Glance.start()
  await fill(source)
  const folder = join(t.testdir(), 'dump')
  await mkdir(folder)
  const words = ['--streams', '3', '--streams-cutoff', '1M', source.address, folder]
  const { status, stderr } = await runProgram(['dump', ...words])
  t.equal(status, 0)
  t.notMatch(stderr, /one stream/)
  for (const [i, id] of IDS.entries()) {
    t.ok((await readFile(join(folder, `${id}.img`))).equals(DATA[i] ?? Buffer.of()))
  }
  t.match(await runProgram(['verify', folder]), { status: 0 })
  t.strictSame(idsOf((await replicator('dump', ...words)).results, 'same'), IDS)
})
