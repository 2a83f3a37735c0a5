import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { GlanceV2Endpoint } from '../../lib/endpoint/glance-v2.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import type { ImportMethodName } from '../../lib/image/import.ts'
import { fixedToken } from '../../lib/keystone/token-source.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { untilStatus } from '../support/connection.ts'
import { forwardAs } from '../support/forward.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Stored, startUnruly } from '../support/unruly.ts'

const IMAGES: readonly Stored[] = [1, 2].map(n => {
  const data = bytesOf(n, 300_000 * n)
  const properties = new Map([
    ['hw_disk_bus', 'virtio'],
    ['note', 'ours'],
  ])
  return { image: imageOf(n, data, { properties }), data }
})

/** A target that fetches by these methods from this machine. */
async function fetcher(
  t: Test,
  methods: readonly ImportMethodName[],
  allowedHosts: readonly string[] = ['127.0.0.1'],
): Promise<TestServer> {
  const filter = { ...DEFAULT_FILTER, allowedHosts, allowedPorts: [] }
  return await startTestServer(t, { imports: { ...DEFAULT_IMPORTS, methods, filter } })
}

/** What the target had come to it, by the requests that bring data. */
async function watched(t: Test, target: TestServer, caller = {}) {
  const asked: string[] = []
  const url = await startListener(t, (request, response) => {
    const { method, headers } = request
    if (method === 'PUT' && request.url?.endsWith('/file')) asked.push('upload')
    if (method === 'POST' && request.url?.endsWith('/import')) asked.push('import')
    if (headers['x-glance-api-copy-from'] !== undefined) asked.push('copy')
    void forwardAs(caller, target.url, request, response)
  })
  return { url, asked }
}

t.test('--via web-download: the target fetches the data, and it is proved as ever', async t => {
  const source = await startUnruly(t, IMAGES)
  const target = await fetcher(t, ['web-download'])
  const { url, asked } = await watched(t, target)
  const { status, stdout, stderr } = await run([
    'livecopy',
    '--via',
    'web-download',
    source.url,
    url,
  ])
  t.match(
    { status, stdout, stderr },
    {
      status: 0,
      stdout: /^2 images created \(878\.9 KiB\), .* 0 failed$/m,
      stderr: `${idOf(1)} (image 1): created, 293.0 KiB by web-download\n`,
    },
  )
  t.strictSame(asked, ['import', 'import'])
  t.match(await run(['compare', source.url, url]), { status: 0 })
  const again = await run(['livecopy', '--json', '--via', 'web-download', source.url, url])
  t.match(JSON.parse(again.stdout), { totals: { same: 2 }, images: [{ via: null }] })
})

t.test('--via glance-download: by the region of the source', async t => {
  const source = await startUnruly(t, IMAGES.slice(0, 1))
  const target = await fetcher(t, ['glance-download'])
  const endpoints = [{ region: 'North', publicURL: source.url }]
  const { url, asked } = await watched(t, target, {
    'x-service-catalog': JSON.stringify([{ type: 'image', endpoints }]),
  })
  const words = ['livecopy', '--via', 'glance-download', '-D', 'hw_disk_bus']
  const { status, stderr } = await run([...words, '--source-region', 'North', source.url, url])
  t.match({ status, stderr }, { status: 0, stderr: /created, 293\.0 KiB by glance-download\n/ })
  t.strictSame(asked, ['import'])
  const shown = await target.show(idOf(1))
  t.match(shown, { status: 'active', note: 'ours' })
  t.notOk('hw_disk_bus' in shown, 'what is left out does not come by this way either')
  t.match(await run([...words, source.url, url]), { status: 0, stdout: /1 the same/ })
})

t.test('--via copy-from: to a target of v1', async t => {
  const source = await startUnruly(t, IMAGES)
  const target = await fetcher(t, [])
  const { url, asked } = await watched(t, target)
  const words = ['livecopy', '--via', 'copy-from', '--target-api', '1', source.url, url]
  t.match(await run(words), { status: 0, stderr: /created, 293\.0 KiB by copy-from\n/ })
  t.strictSame(asked, ['copy', 'copy'])
  t.match(await run(['compare', '--target-api', '1', source.url, url]), { status: 0 })
})

t.test('a target that has not let go of an image that it fetched is not written to', async t => {
  const source = await startUnruly(t, IMAGES.slice(0, 1))
  const target = await fetcher(t, ['web-download'])
  let looks = 0
  const url = await startListener(t, (request, response) => {
    if (request.method !== 'GET' || request.url !== `/v2/images/${idOf(1)}`) {
      // What saves the image as it read it before takes back what is changed meanwhile.
      if (request.method === 'PATCH' && looks > 0 && looks < 3)
        return void response.writeHead(500).end()
      return void forwardAs({}, target.url, request, response)
    }
    const show = async () => {
      const image = await target.show(idOf(1))
      const isActive = image['status'] === 'active'
      if (isActive) looks += 1
      const lock = isActive && looks < 3 ? { os_glance_import_task: 'a task' } : {}
      sendJson(response, 200, { ...image, ...lock })
    }
    void show()
  })
  const words = ['--attempts', '1', '--via', 'web-download', source.url, url]
  t.match(await run(['livecopy', ...words]), { status: 0, stdout: /^1 image created/ })
  t.ok(looks >= 3)
})

t.test('an import that an old target has not begun yet when it answers is waited for', async t => {
  const source = await startUnruly(t, IMAGES.slice(0, 1))
  const target = await fetcher(t, ['web-download'])
  let looks = 0
  let isAsked = false
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('/tasks') === true) return sendJson(response, 404, {})
    if (request.url?.endsWith('/import') === true) isAsked = true
    if (!isAsked || request.method !== 'GET' || request.url !== `/v2/images/${idOf(1)}`) {
      return void forwardAs({}, target.url, request, response)
    }
    looks += 1
    const hide = looks < 3 ? { status: 'queued', os_glance_import_task: undefined } : {}
    void target.show(idOf(1)).then(image => sendJson(response, 200, { ...image, ...hide }))
  })
  const words = ['--attempts', '1', '--via', 'web-download', source.url, url]
  t.match(await run(['livecopy', ...words]), { status: 0, stdout: /^1 image created/ })
})

t.test('a location is handed to the target only where it can hold no secret', async t => {
  const plain = 'http://127.0.0.1:8080/images/1'
  let shown: unknown = {}
  const url = await startListener(t, (_request, response) => sendJson(response, 200, shown))
  const options = { tokens: fixedToken('token'), timeoutMs: 10_000, attempts: 1 }
  await using endpoint = await GlanceV2Endpoint.open(url, new URL(url), options)
  const image = imageOf(1, Buffer.of(1))
  for (const [location, handed] of [
    [plain, plain],
    [`${plain}?X-Amz-Signature=a`, null],
    [`${plain}?auth=a`, null],
    [`${plain}#a`, null],
    ['http://user:password@127.0.0.1:8080/images/1', null],
    ['file:///images/1', null],
  ] as const) {
    shown = { ...imageToV2(image), direct_url: location }
    const data = await endpoint.data(image)
    t.match(await data.address?.(), { url: handed }, location)
  }
  shown = { ...imageToV2(image), direct_url: `${plain}?a=b`, locations: [{ url: plain }] }
  const data = await endpoint.data(image)
  t.match(await data.address?.(), { url: plain }, 'another is taken where there is one')
})

t.test('what is fetched may get a new id on the target, and is fetched by its own', async t => {
  const source = await startUnruly(t, IMAGES)
  const target = await fetcher(t, ['web-download'])
  await target.create({ id: idOf(2) })
  await target.call('DELETE', `/v2/images/${idOf(2)}`)
  const map = join(t.testdir(), 'ids')
  const words = ['--on-conflict', 'new-id', '--id-map', map, source.url, target.url]
  const { status, stderr } = await run(['livecopy', '--via', 'web-download', ...words])
  t.equal(status, 0, stderr)
  const entry = JSON.parse(await readFile(map, 'utf8')) as { target: string } // As documented.
  t.match(stderr, `${idOf(2)} (image 2): created as ${entry.target}, 585.9 KiB by web-download\n`)
  t.match(await run(['compare', '--deep', '--id-map', map, source.url, target.url]), {
    status: 0,
    stdout: /^data of 2 images read .*\n.* 2 the same\n$/,
  })
  await target.call('DELETE', `/v2/images/${entry.target}`)
  t.match(await run(['livecopy', '--via', 'auto', ...words]), {
    status: 0,
    stderr: / created as .* by web-download\n$/,
  })
})

t.test('what a target is still fetching is not taken for what has its id taken', async t => {
  const source = await startUnruly(t, IMAGES, () => ({ stallAfter: 1000 }))
  const target = await fetcher(t, ['web-download'])
  const [{ image, data } = { image: imageOf(1, Buffer.of()), data: Buffer.of() }] = IMAGES
  await target.create({ id: image.id, disk_format: 'raw', container_format: 'bare' })
  const method = { name: 'web-download', uri: `${source.url}/v2/images/${image.id}/file` }
  await target.call('POST', `/v2/images/${image.id}/import`, { body: { method } })
  await untilStatus(target, image.id, 'importing')
  const options = { tokens: fixedToken(null), timeoutMs: 10_000, attempts: 1 }
  await using endpoint = await GlanceV2Endpoint.open(target.url, new URL(target.url), options)
  const bytes = { ...image, size: data.length, open: async () => Readable.from([data]) }
  await t.rejects(endpoint.add(image, bytes), {
    code: 'unavailable',
    message: `image ${image.id}: ${endpoint.name} is still being sent its data, by another run, or by an upload that broke off and is not given up yet: run again when that has ended`,
  })
})

t.test('an upload that meets another way in which the data comes is tried again', async t => {
  const [{ image, data } = { image: imageOf(1, Buffer.of()), data: Buffer.of() }] = IMAGES
  const source = await startUnruly(t, [{ image, data }])
  let finish = () => {}
  const until = new Promise<void>(resolve => (finish = resolve))
  const slow = await startUnruly(t, [{ image, data }], () => ({ until }))
  const target = await fetcher(t, ['web-download'])
  let uploads = 0
  let asked = 0
  const front = await startListener(t, (request, response) => {
    void (async () => {
      if (request.method === 'PUT' && (uploads += 1) === 1) {
        const method = { name: 'web-download', uri: `${slow.url}/v2/images/${image.id}/file` }
        await target.call('POST', `/v2/images/${image.id}/import`, { body: { method } })
        await untilStatus(target, image.id, 'importing')
      }
      if (request.method === 'POST' && (asked += 1) === 2) {
        finish()
        await untilStatus(target, image.id, 'active')
      }
      await forwardAs({}, target.url, request, response)
    })()
  })
  const { status, stdout, stderr } = await run(['livecopy', source.url, front])
  t.match({ status, stdout, stderr }, { status: 0, stdout: /^1 image created / })
  t.match(stderr, /attempt 2 after: image .* is still being sent its data, by another run/)
  t.match(await target.show(image.id), { status: 'active', visibility: image.visibility })
})

t.test('what is fetched is marked as a copy like what is sent, on every target', async t => {
  const source = await startUnruly(t, IMAGES.slice(0, 1))
  const targets = [await fetcher(t, ['web-download']), await fetcher(t, ['glance-direct'])]
  const urls = targets.map(({ url }) => url)
  const words = ['--delete', 'delete', '--provenance', 'north', source.url]
  const { status, stderr } = await run(['livecopy', '--via', 'auto', ...words, ...urls])
  t.match({ status, stderr }, { status: 0, stderr: `on ${urls[0]}: created, 293.0 KiB by ` })
  t.match(stderr, `on ${urls[1]}: created, 293.0 KiB\n`)
  const old = await fetcher(t, [])
  const copy = ['livecopy', '--via', 'copy-from', '--target-api', '1', ...words, old.url]
  t.match(await run(copy), { status: 0, stderr: / by copy-from\n/ })
  for (const target of [...targets, old])
    t.match(await target.show(idOf(1)), { status: 'active', glance_replicator_source: 'north' })
})

t.test('--via auto: the target fetches what it can, and is sent the rest', async t => {
  for (const { title, methods, hosts, asked, told } of [
    {
      title: 'it can',
      methods: ['web-download'],
      hosts: ['127.0.0.1'],
      asked: ['import', 'import'],
      told: /created, .* by web-download/,
    },
    {
      title: 'it has no such method',
      methods: ['glance-direct'],
      hosts: ['127.0.0.1'],
      asked: ['upload', 'upload'],
      told: /created, 293\.0 KiB\n/,
    },
    {
      title: 'it may not ask there, and is not told to for the next',
      methods: ['web-download'],
      hosts: ['elsewhere'],
      asked: ['import', 'upload', 'upload'],
      told: /: relayed, since web-download failed: POST/,
    },
  ] as const) {
    t.test(title, async t => {
      const source = await startUnruly(t, IMAGES)
      const target = await fetcher(t, methods, hosts)
      const front = await watched(t, target)
      const words = ['livecopy', '-j', '1', '--via', 'auto', source.url, front.url]
      t.match(await run(words), { status: 0, stderr: told })
      t.strictSame(front.asked, asked)
      t.match(await run(['compare', source.url, front.url]), { status: 0 })
    })
  }

  t.test('what it could not fetch whole it is sent', async t => {
    const source = await startUnruly(t, IMAGES.slice(0, 1), asked =>
      asked <= 1 ? { cutAfter: 1000 } : {},
    )
    const target = await fetcher(t, ['web-download'])
    const { status, stderr } = await run(['livecopy', '--via', 'auto', source.url, target.url])
    t.match({ status, stderr }, { status: 0, stderr: /relayed, since web-download failed: image / })
  })
})

t.test('what it fetched wrong is removed, and the next images are sent', async t => {
  const source = await startUnruly(t, IMAGES, asked => ({ corrupt: asked === 1 }))
  const target = await fetcher(t, ['web-download'])
  const { url, asked } = await watched(t, target)
  const words = ['livecopy', '-j', '1', '--attempts', '1', '--via', 'auto', source.url, url]
  t.match(await run(words), {
    status: 1,
    stdout: /^1 image created .* 1 failed$/m,
    stderr: /stored data of another sha512; the copy was removed/,
  })
  t.strictSame(asked, ['import', 'upload'])
})

t.test('what has no digest could not be proved, and is not fetched', async t => {
  const stored = IMAGES.slice(0, 1).map(({ image, data }) => ({
    image: { ...image, checksum: null, digest: null },
    data,
  }))
  const source = await startUnruly(t, stored)
  for (const [via, ...words] of [
    ['web-download'],
    ['copy-from', '--target-api', '1'],
    ['auto'],
  ] as const) {
    t.test(via, async t => {
      const target = await fetcher(t, ['web-download'])
      const { url, asked } = await watched(t, target)
      const outcome = await run(['livecopy', '--via', via, ...words, source.url, url])
      if (via === 'auto') {
        t.equal(outcome.status, 0, outcome.stderr)
        t.strictSame(asked, ['upload'])
        t.match(await target.show(idOf(1)), { status: 'active' })
      } else {
        t.match(outcome, { status: 1, stderr: /no digest .* send it with --via relay/ })
        t.strictSame(asked, [])
        t.match((await target.call('GET', `/v2/images/${idOf(1)}`)).status, 404)
        t.match(await run(['livecopy', ...words, source.url, url]), { status: 0 }, 'its id is free')
      }
    })
  }
})

t.test('a way that is not there is told', async t => {
  const source = await startUnruly(t, IMAGES.slice(0, 1))
  for (const { via, words = [], message } of [
    { via: 'glance-download', message: /--via glance-download: .* has web-download$/m },
    { via: 'copy-from', message: /--via copy-from: .* has web-download$/m },
    {
      via: 'web-download',
      words: ['--target-api', '1'],
      message: /--via web-download: .* has copy-from$/m,
    },
    {
      via: 'web-download',
      words: ['--source-token', 'secret'],
      message: /--via web-download: the source wants a token/,
    },
  ]) {
    t.test([via, ...words].join(' '), async t => {
      const target = await fetcher(t, ['web-download'])
      const outcome = await run(['livecopy', '--via', via, ...words, source.url, target.url])
      t.match(outcome, { status: 1, stderr: message })
      t.notMatch(outcome.stderr, /secret/)
    })
  }
  t.test('glance-download without a region', async t => {
    const target = await fetcher(t, ['glance-download'])
    t.match(await run(['livecopy', '--via', 'glance-download', source.url, target.url]), {
      status: 1,
      stderr: /the region of the source is not known: name it/,
    })
  })
  t.test('by no name', async t => {
    t.match(await run(['livecopy', '--via', 'pigeon', 'one', 'two']), { status: 2, stderr: /via/ })
  })
})
