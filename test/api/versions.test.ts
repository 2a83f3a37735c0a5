import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { idOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const OCTETS = { 'content-type': 'application/octet-stream' }

t.test('a cloud is copied to another, whichever version of the API each speaks', async t => {
  for (const [from, to] of [
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ] as const) {
    t.test(`v${from} to v${to}`, async t => {
      const [one, two] = [await startTestServer(t), await startTestServer(t)]
      await run(['load', one.url, IMAGES])
      const apis = ['--source-api', String(from), '--target-api', String(to)]
      t.match(await run(['compare', ...apis, one.url, two.url]), {
        status: 1,
        stdout: /^5 images missing \(52.0 KiB\), 0 different, 0 the same$/m,
      })
      t.match(await run(['livecopy', ...apis, one.url, two.url]), {
        status: 0,
        stdout: /^5 images created \(52.0 KiB\), 0 updated, 0 the same, 0 failed$/m,
      })
      t.match(await run(['compare', ...apis, one.url, two.url]), {
        status: 0,
        stdout: /^0 images missing \(0.0 B\), 0 different, 5 the same$/m,
      })
      t.match(await run(['livecopy', ...apis, one.url, two.url]), {
        status: 0,
        stdout: /^0 images created \(0.0 B\), 0 updated, 5 the same, 0 failed$/m,
      })
      const size = await run(['size', '--source-api', String(to), two.url])
      t.equal(size.stdout, (await run(['size', one.url])).stdout)
      await sameData(t, one, two)
    })

    t.test(`a dump of v${from} is loaded into v${to}`, async t => {
      const [one, two] = [await startTestServer(t), await startTestServer(t)]
      const dump = t.testdir()
      await run(['load', one.url, IMAGES])
      t.match(await run(['dump', '--source-api', String(from), one.url, dump]), {
        status: 0,
        stdout: /^5 images created/,
      })
      for (const result of [/^5 images created .* 0 failed$/m, /^0 images created .* 5 the same/]) {
        const outcome = await run(['load', '--target-api', String(to), two.url, dump])
        t.match(outcome, { status: 0, stdout: result })
      }
      t.equal((await readdir(dump)).length, 11, 'each image, and the manifest')
      await sameData(t, one, two)
    })
  }
})

t.test('what v1 cannot express', async t => {
  const one = await startTestServer(t)
  await create(one, 1, { tags: ['a', 'b'], os_hidden: true, 'Odd-Name': 'x', fits: 'y' })
  await create(one, 2, { tags: ['c'], visibility: 'community' })
  await create(one, 3, { visibility: 'public' })

  t.test('is told with each image, added up and written down, and nothing has failed', async t => {
    const two = await startTestServer(t)
    const report = join(t.testdir(), 'lost.jsonl')
    const words = ['--loss-report', report, '--target-api', '1', one.url, two.url]
    const outcome = await run(['livecopy', ...words])
    t.equal(outcome.status, 0)
    t.match(outcome.stderr, 'image 1): created, 3.0 B; lost: os_hidden, tags, Odd-Name\n')
    t.match(outcome.stderr, 'image 3): created, 3.0 B\n')
    t.equal(
      outcome.stdout,
      '3 images created (9.0 B), 0 updated, 0 the same, 0 failed\n' +
        `2 images lost something: os_hidden (1), tags (2), custom properties (1), visibility (1); see ${report}\n`,
    )
    const first = await readFile(report, 'utf8')
    t.same(
      first
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as unknown),
      [
        lostOf(1, 'attribute', 'os_hidden', true, 'v1 hides no images: it is listed'),
        lostOf(1, 'attribute', 'tags', ['a', 'b'], 'v1 has no tags'),
        lostOf(1, 'property', 'Odd-Name', 'x', 'its name comes back from a header as another'),
        digestLost(1),
        lostOf(
          2,
          'attribute',
          'visibility',
          'community',
          'v1 has only public and other images: it becomes shared',
        ),
        lostOf(2, 'attribute', 'tags', ['c'], 'v1 has no tags'),
        digestLost(2),
        digestLost(3),
      ],
    )
    t.match(await two.show(idOf(1)), { fits: 'y', tags: [], os_hidden: false })
    t.match(await run(['livecopy', ...words]), { status: 0, stdout: /3 the same.*\n2 images lost/ })
    t.equal(await readFile(report, 'utf8'), first, 'the report is whole also when all is there')
    t.match(await run(['compare', ...words]), { status: 0, stdout: /3 the same\n2 images lost/ })
  })

  t.test('is in the JSON', async t => {
    const two = await startTestServer(t)
    for (const command of ['compare', 'livecopy']) {
      const { stdout } = await run([command, '--json', '--target-api', '1', one.url, two.url])
      t.match(JSON.parse(stdout), {
        images: [
          { lost: [{ kind: 'attribute', field: 'os_hidden', value: true }, {}, {}, {}] },
          { lost: [{}, {}, {}] },
          { lost: [{ kind: 'digest', field: 'os_hash_value' }] },
        ],
        lost: { images: 2, fields: { os_hidden: 1, tags: 2, properties: 1, visibility: 1 } },
      })
    }
  })

  t.test('is nothing with -D, which leaves it out', async t => {
    const two = await startTestServer(t)
    const leaving = ['-D', 'tags os_hidden Odd-Name visibility', '--strict']
    const outcome = await run(['livecopy', ...leaving, '--target-api', '1', one.url, two.url])
    t.match(outcome, { status: 0, stdout: /^3 images created .* 0 failed\n$/ })
  })

  t.test('has an image refused by --strict, of which nothing is then written', async t => {
    const two = await startTestServer(t)
    const report = join(t.testdir(), 'lost.jsonl')
    const words = ['--strict', '--loss-report', report, '--target-api', '1', one.url, two.url]
    const losses =
      '2 images would lose something: os_hidden (1), tags (2), custom properties (1), visibility (1)'
    const compared = await run(['compare', ...words])
    t.match(compared, {
      status: 1,
      stdout:
        /^3 images missing \(3.0 B\), 0 different, 0 the same\n2 images would lose something/m,
    })
    const compareReport = await readFile(report, 'utf8')
    const outcome = await run(['livecopy', ...words])
    t.match(outcome, {
      status: 1,
      stdout: `1 image created (3.0 B), 0 updated, 0 the same, 2 failed\n${losses}; see ${report}\n`,
    })
    t.match(
      outcome.stderr,
      `failed: image ${idOf(2)}: visibility would be lost: v1 has only public and other images: ` +
        'it becomes shared; tags would be lost: v1 has no tags\n',
    )
    t.equal((await two.call('GET', `/v2/images/${idOf(1)}`)).status, 404)
    const written = await readFile(report, 'utf8')
    t.equal(written, compareReport, 'compare says beforehand what is refused and why')
    const lines = written.trimEnd().split('\n')
    const fields = lines.map(line => (JSON.parse(line) as { field: string }).field) // As above.
    const ofEach = ['os_hidden tags Odd-Name os_hash_value', 'visibility tags os_hash_value']
    t.equal(fields.join(' '), [...ofEach, 'os_hash_value'].join(' '))
  })

  t.test('is told by the name that the image has on the source', async t => {
    const [from, two] = [await startTestServer(t), await startTestServer(t)]
    await create(from, 1, { name: 'two\nlines' })
    const report = join(t.testdir(), 'lost.jsonl')
    const words = ['--loss-report', report, '--target-api', '1', from.url, two.url]
    for (const command of ['compare', 'livecopy', 'compare']) {
      const { stdout } = await run([command, '--json', ...words])
      t.match(JSON.parse(stdout), { images: [{ name: 'two\nlines' }] }, command)
      t.match(await readFile(report, 'utf8'), /"name":"two\\nlines","kind":"attribute"/)
    }
    t.equal((await two.show(idOf(1)))['name'], 'two lines')
  })

  t.test('cannot be written down where there is no such folder', async t => {
    for (const command of ['compare', 'livecopy']) {
      const outcome = await run([command, '--loss-report', '/nowhere/x', one.url, one.url])
      t.match(outcome, { status: 2, stdout: '', stderr: /loss report \/nowhere\/x: ENOENT/ })
    }
  })
})

t.test('what v1 has no words for is left alone on a v2 target', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await create(one, 1, { visibility: 'shared', os_distro: 'debian' })
  await create(two, 1, {
    visibility: 'community',
    os_hidden: true,
    tags: ['mine'],
    'Odd-Name': 'x',
    os_distro: 'debian',
  })
  const words = ['livecopy', '--source-api', '1', one.url, two.url]
  t.match(await run(words), { status: 0, stdout: /1 the same/ })
  await one.patch(idOf(1), [{ op: 'replace', path: '/os_distro', value: 'ubuntu' }])
  t.match(await run(words), { status: 0, stderr: `${idOf(1)} (image 1): updated: os_distro\n` })
  const changed = { tags: ['mine'], 'Odd-Name': 'x', os_distro: 'ubuntu' }
  t.match(await two.show(idOf(1)), { visibility: 'community', os_hidden: true, ...changed })
  await one.patch(idOf(1), [{ op: 'replace', path: '/visibility', value: 'public' }])
  t.match(await run(words), { status: 0, stderr: `${idOf(1)} (image 1): updated: visibility\n` })
  t.match(await two.show(idOf(1)), { visibility: 'public', os_hidden: true, ...changed })
})

t.test('a change on a v2 source is made on a v1 target, which forgets what is gone', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await create(one, 1, { os_distro: 'debian', os_version: '12', stays: 'x' })
  const words = ['livecopy', '--target-api', '1', one.url, two.url]
  await run(words)
  await one.patch(idOf(1), [
    { op: 'replace', path: '/name', value: 'Grüße' },
    { op: 'replace', path: '/visibility', value: 'public' },
    { op: 'replace', path: '/protected', value: true },
    { op: 'replace', path: '/os_version', value: '13' },
    { op: 'remove', path: '/os_distro' },
  ])
  t.match(await run(words), { status: 0, stdout: /1 updated/ })
  const { os_distro: gone, ...shown } = await two.show(idOf(1))
  t.equal(gone, undefined)
  t.match(shown, {
    name: 'Grüße',
    visibility: 'public',
    protected: true,
    os_version: '13',
    stays: 'x',
  })
  await one.patch(idOf(1), [{ op: 'replace', path: '/min_ram', value: 512 }])
  t.match(await run(words), { status: 0, stderr: `${idOf(1)} (Grüße): updated: min_ram\n` })
  t.match(await two.show(idOf(1)), { min_ram: 512, stays: 'x' })
})

t.test('images of v1 that are named like attributes of v2 lose these properties', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  const properties = { tags: 'a', os_hidden: 'b', file: 'c', location: 'd', fine: 'e' }
  await createByV1(one, 1, properties)
  const apis = ['--source-api', '1', '--target-api', '2']
  const outcome = await run(['livecopy', ...apis, one.url, two.url])
  t.match(outcome, { status: 0, stderr: /; lost: / })
  t.match(outcome.stdout, '1 image lost something: custom properties (1)\n')
  t.match(await two.show(idOf(1)), { fine: 'e', tags: [], os_hidden: false, location: undefined })
  t.match(await run(['compare', ...apis, one.url, two.url]), { status: 0 })
})

t.test('metadata alone is copied to v1, and data comes later', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await run(['load', one.url, IMAGES])
  const words = ['--target-api', '1', one.url, two.url]
  t.match(await run(['livecopy', '-m', ...words]), { status: 0, stdout: /^5 images created \(0/ })
  t.match(await run(['livecopy', ...words]), { status: 0, stdout: /^5 images created \(52/ })
  await sameData(t, one, two)
})

/** An image with three bytes. */
async function create(server: TestServer, n: number, fields: object): Promise<void> {
  const body = { id: idOf(n), name: `image ${n}`, disk_format: 'raw', container_format: 'bare' }
  await server.create({ ...body, visibility: 'shared', ...fields })
  await server.upload(idOf(n), 'abc')
}

async function createByV1(
  server: TestServer,
  n: number,
  properties: Readonly<Record<string, string>>,
): Promise<void> {
  const custom = Object.entries(properties).map(
    ([name, value]) => [`x-image-meta-property-${name}`, value] as const,
  )
  const headers = {
    ...OCTETS,
    'x-image-meta-id': idOf(n),
    'x-image-meta-disk_format': 'raw',
    'x-image-meta-container_format': 'bare',
    ...Object.fromEntries(custom),
  }
  const { status, text } = await server.call('POST', '/v1/images', { headers, body: 'abc' })
  if (status !== 201) throw new Error(`${status}: ${text}`)
}

function lostOf(n: number, kind: string, field: string, value: unknown, reason: string): object {
  return { id: idOf(n), name: `image ${n}`, kind, field, value, reason }
}

/** Every image has the same data here. */
function digestLost(n: number): object {
  const value = createHash('sha512').update('abc').digest('hex')
  return lostOf(n, 'digest', 'os_hash_value', value, 'v1 keeps no sha512, only an MD5')
}

async function sameData(t: Test, one: TestServer, two: TestServer): Promise<void> {
  const { json } = await one.call('GET', '/v2/images')
  for (const { id } of json['images'] as { id: string }[]) {
    const [ours, theirs] = await Promise.all(
      [one, two].map(async server => (await server.call('GET', `/v2/images/${id}/file`)).text),
    )
    t.equal(theirs, ours, id)
  }
}
