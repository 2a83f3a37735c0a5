import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import t from 'tap'
import { startServer } from '../../lib/server/start.ts'
import { PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'
import { bytesOf, idOf } from '../support/images.ts'
import { askRaw, type RawAnswer } from '../support/raw.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const OLD_MEDIA_TYPE = 'application/openstack-images-v2.0-json-patch'
const DRIVERS = [{ dataApi: 'simple' }, { dataApi: 'sqlite', connection: 'sqlite://' }] as const
/** `FC_TIMES=100` looks a hundred times as long. */
const TIMES = Number(process.env['FC_TIMES'] ?? 1)

/** Whatever a string can hold, halves of characters too. */
const UTF16 = fc.string({ unit: fc.nat(0xffff).map(unit => String.fromCharCode(unit)) })
/** What an image can hold: no halves, no characters of four bytes, and no NUL, which SQLite is not given. */
const TEXT = UTF16.filter(text => !/[\0\ud800-\udfff]/.test(text))

for (const driver of DRIVERS) {
  t.test(`with the ${driver.dataApi} driver`, async t => {
    const settings = { dataDir: t.testdir(), showMultipleLocations: true }
    const server = await startTestServer(t, { ...driver, ...settings })
    await t.test('any body of a PATCH is carried out or refused', () => anyPatch(server))
    await t.test('a JSON patch does what RFC 6902 says, or nothing', () => legalPatch(server))
    await t.test('any query is answered, with links that lead on, or refused', () =>
      anyQuery(server),
    )
  })
}

async function anyPatch(server: TestServer): Promise<void> {
  const id = await server.create()
  const location = fc.record(
    {
      url: fc.oneof(fc.constantFrom('http://[::1', 'file:///', 'memory://x', 'x'), UTF16),
      metadata: fc.dictionary(UTF16, fc.jsonValue({ maxDepth: 1 })),
      validation_data: fc.oneof(fc.jsonValue(), fc.record({ checksum: UTF16 })),
    },
    { requiredKeys: ['url', 'metadata'] },
  )
  const names = 'name x tags owner min_disk disk_format id locations locations/- locations/0'
  const likelyPath = fc.constantFrom(...names.split(' ').map(name => `/${name}`))
  const likelyValue = fc.oneof(TEXT, fc.constantFrom(null, 1, ['a']), location, fc.array(location))
  const likely = fc.record({
    op: fc.constantFrom('add', 'remove', 'replace'),
    path: likelyPath,
    value: likelyValue,
  })
  const path = fc.oneof(
    UTF16,
    likelyPath,
    fc.tuple(likelyPath, UTF16).map(parts => parts.join('/')),
  )
  const operation = fc.constantFrom('add', 'remove', 'replace', 'test', 'move')
  const value = fc.oneof(fc.jsonValue(), UTF16, likelyValue)
  const step = fc.oneof(
    { weight: 6, arbitrary: likely },
    { weight: 3, arbitrary: likely.map(({ op, path, value }) => ({ [op]: path, value })) },
    fc.record({ op: operation, path, value }, { requiredKeys: [] }),
    fc.tuple(operation, path, value).map(([op, path, value]) => ({ [op]: path, value })),
    fc.jsonValue(),
  )
  const body = fc.oneof(
    { weight: 6, arbitrary: fc.array(step, { maxLength: 2 }).map(steps => JSON.stringify(steps)) },
    fc.json(),
    UTF16,
    fc.uint8Array({ maxLength: 20 }),
  )
  const type = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(PATCH_MEDIA_TYPE, OLD_MEDIA_TYPE) },
    fc.constantFrom(`${PATCH_MEDIA_TYPE};charset=utf-8`, 'application/json', 'text/plain', 'x'),
  )
  const accept = fc.constantFrom('application/json', '*/*', 'text/html', 'text/plain')
  await holds(fc.tuple(body, type, accept), 40, async ([body, type, accept]) => {
    const headers = { 'content-type': type, accept }
    const answer = await askRaw(server, `/v2/images/${id}`, { method: 'PATCH', headers, body })
    if (answer.status === 200) equal(documentOf(answer)['id'], id)
    else isRefusal(answer, [400, 403, 409, 413, 415])
  })
}

/** Steps that may be legal or not, and what the image then is: a model of RFC 6902 for what has one level. */
async function legalPatch(server: TestServer): Promise<void> {
  const property = fc.tuple(
    fc.constantFrom('a', 'b', 'a/b', '~', '~1', 'é x', '__proto__', 'toString'),
    TEXT,
  )
  const attribute = fc.oneof(
    fc.tuple(fc.constant('name'), fc.option(TEXT)),
    fc.tuple(fc.constantFrom('min_disk', 'min_ram'), fc.nat(2 ** 31 - 1)),
    fc.tuple(fc.constantFrom('protected', 'os_hidden'), fc.boolean()),
  )
  const step = fc.record({
    op: fc.constantFrom('add', 'add', 'replace', 'remove'),
    field: fc.oneof({ weight: 3, arbitrary: property }, attribute),
  })
  const steps = fc.array(step, { maxLength: 6 })
  await holds(fc.tuple(steps, fc.boolean()), 25, async ([steps, isOld]) => {
    const id = await server.create({ b: 'there' })
    const before = new Map(Object.entries(await server.show(id)))
    const patch = steps.map(({ op, field: [name, value] }) => {
      const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      return isOld ? { [op]: path, value } : { op, path, value }
    })
    const type = isOld ? OLD_MEDIA_TYPE : PATCH_MEDIA_TYPE
    const { status } = await server.patch(id, patch, undefined, type)

    const after = new Map(before)
    const refused = steps.find(({ op, field: [name, value] }) => {
      const isBase = name !== 'b' && before.has(name)
      if (op === 'add' ? isOld && after.has(name) : !after.has(name) || (op === 'remove' && isBase))
        return true
      if (op === 'remove') after.delete(name)
      else after.set(name, value)
      return false
    })
    const shown = new Map(Object.entries(await server.show(id)))
    if (refused === undefined) equal(status, 200)
    else isOneOf(status, [403, 409])
    const expected = refused === undefined ? after : before
    equal(shown, expected.set('updated_at', shown.get('updated_at')))
  })
}

async function anyQuery(server: TestServer): Promise<void> {
  const id = await server.create({ name: 'a', tags: ['x'], y: 'z' })
  const namespace = { namespace: 'N', tags: [{ name: 'a' }], objects: [{ name: 'o' }] }
  await server.call('POST', '/v2/metadefs/namespaces', { body: namespace })
  const names =
    'name id status size size_min min_ram_max x_min _max checksum os_hash_value created_at updated_at protected tag sort sort_key sort_dir limit marker visibility member_status os_hidden owner deleted changes-since type resource_types resource_type prefer y __proto__'
  const values = `asc desc name id created_at size:asc,id true all public shared in: in:a,b eq: gt: 0 -1 1 1e3 99999999999999999999 2012-01-01 gt:2012-01-01T00:00:00Z 9999-99-99 in:"a ${id} N a pending import`
  const word = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('', ...values.split(' ')) },
    TEXT.map(encodeURIComponent),
    fc.uint8Array({ maxLength: 4 }).map(bytes => [...bytes].map(byte => `%${hex(byte)}`).join('')),
    fc.stringMatching(/^[!-~]{0,8}$/),
  )
  const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names.split(' ')) }, word)
  const pair = fc.tuple(name, fc.constantFrom('=', '=', '=', '', '=='), word)
  const query = fc.array(
    pair.map(parts => parts.join('')),
    { maxLength: 4 },
  )
  const path = fc.oneof(
    { weight: 4, arbitrary: fc.constant('images') },
    fc.constantFrom(
      'tasks',
      'metadefs/namespaces',
      'metadefs/namespaces/N',
      ...['tags', 'objects', 'properties', 'resource_types'].map(
        of => `metadefs/namespaces/N/${of}`,
      ),
      'metadefs/resource_types',
      ...['', '/file', '/members', '/tasks'].map(of => `images/${id}${of}`),
    ),
  )
  await holds(fc.tuple(path, query), 60, async ([path, pairs]) => {
    const answer = await askRaw(server, `/v2/${path}?${pairs.join('&')}`)
    if (answer.status === 200) {
      const { first, next = first } = documentOf(answer)
      for (const link of new Set([first, next])) {
        if (typeof link === 'string') equal((await askRaw(server, link)).status, 200)
      }
    } else if (answer.status !== 204) isRefusal(answer, [400, 403, 404])
  })
}

t.test(
  'any Range and Content-Range is answered with the bytes that it asks for, or refused',
  async t => {
    const server = await startTestServer(t)
    const data = bytesOf(1, 12)
    const id = await server.create()
    await server.upload(id, data)
    const number = fc.oneof(
      fc.constantFrom('', '0', '5', '11', '12', '007'),
      fc.bigInt({ min: 0n }).map(String),
    )
    const range = fc.tuple(number, number).map(([first, last]) => `${first}-${last}`)
    const octet = fc.integer({ min: 0x20, max: 0xff }).filter(code => code !== 0x7f)
    const header = fc.oneof(
      { weight: 4, arbitrary: range.map(range => `bytes=${range}`) },
      fc.tuple(fc.constantFrom('bytes', 'Bytes', 'items'), range).map(parts => parts.join('=')),
      fc.array(range).map(ranges => `bytes=${ranges.join(',')}`),
      fc.string({ unit: octet.map(code => String.fromCharCode(code)) }),
    )
    const total = fc.oneof(fc.constantFrom('*', '12', '99'), number)
    const contentRange = fc
      .tuple(range, total)
      .map(([range, total]) => ({ 'content-range': `bytes ${range}/${total}` }))
    const headers = fc.oneof(
      { weight: 2, arbitrary: header.map(range => ({ range })) },
      contentRange,
      header.map(text => ({ 'content-range': text })),
    )
    await holds(headers, 100, async headers => {
      const answer = await askRaw(server, `/v2/images/${id}/file`, { headers })
      const expected =
        'range' in headers
          ? bytesOfRange(headers.range, data.length)
          : bytesOfContentRange(headers['content-range'], data.length)
      if (expected === null) return isRefusal(answer, [400, 416])
      const [first, end] = expected
      equal(answer.status, 206)
      equal(answer.headers['content-range'], `bytes ${first}-${end - 1}/12`)
      equal(answer.body, data.subarray(first, end))
    })
  },
)

/** RFC 9110 §14.1.2, and Glance where it says nothing: the last no bytes are all of them. */
function bytesOfRange(header: string, size: number): readonly [number, number] | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header) ?? []
  if (first === undefined || last === undefined || first + last === '') return null
  if (first === '') return [Number(last) === 0 ? 0 : Math.max(size - Number(last), 0), size]
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return Number(first) < end ? [Number(first), end] : null
}

/** As clients of Glance asked before they used `Range`. As Glance: the end is held against the total, or for `*` the size. */
function bytesOfContentRange(header: string, size: number): readonly [number, number] | null {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header) ?? []
  const end = Math.min(Number(last) + 1, size)
  if (total === undefined || Number(last) >= (total === '*' ? size : Number(total))) return null
  return Number(first) < end ? [Number(first), end] : null
}

t.test('any images are paged through in the order of one long page', async t => {
  // One clock for both, so that what they hold is the same.
  let seconds = 0
  const now = () => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
  const report = (error: unknown) => t.error(error)
  const settings = { bindPort: 0, store: 'memory', dataDir: t.testdir() } as const
  const [simple, sql] = await Promise.all(
    DRIVERS.map(driver => startServer({ ...settings, ...driver }, { report, now })),
  )
  if (simple === undefined || sql === undefined) return
  for (const server of [simple, sql]) t.teardown(() => server[Symbol.asyncDispose]())

  const image = fc.record({
    name: fc.constantFrom(null, '', 'a', 'b', 'B', 'é', '\uffee'),
    disk_format: fc.constantFrom(null, 'raw', 'qcow2'),
    container_format: fc.constantFrom(null, 'bare', 'ovf'),
    size: fc.constantFrom(null, null, 0, 1, 10),
    seconds: fc.nat(2),
  })
  const keys = 'name status container_format disk_format size id created_at updated_at'
  const key = fc.constantFrom(...keys.split(' '))
  const direction = fc.constantFrom('asc', 'desc')
  const sort = fc.oneof(
    fc
      .array(fc.tuple(key, fc.constantFrom('', ':asc', ':desc')).map(parts => parts.join('')))
      .map(steps => (steps.length === 0 ? '' : `&sort=${steps.join(',')}`)),
    fc.tuple(fc.array(key, { maxLength: 3 }), fc.option(direction)).map(([keys, direction]) => {
      const classic = keys.map(key => `&sort_key=${key}`).join('')
      return direction === null ? classic : `${classic}&sort_dir=${direction}`
    }),
    fc
      .array(fc.tuple(key, direction), { minLength: 1, maxLength: 3 })
      .map(steps => steps.map(([key, dir]) => `&sort_key=${key}&sort_dir=${dir}`).join('')),
  )
  const images = fc.array(image, { minLength: 1, maxLength: 8 })
  const queries = fc.array(fc.tuple(sort, fc.integer({ min: 1, max: 4 })), {
    minLength: 4,
    maxLength: 6,
  })
  let count = 0
  let round = 0
  await holds(fc.tuple(images, queries), 5, async ([images, queries]) => {
    const tag = `round-${(round += 1)}`
    for (const { size, seconds: at, ...fields } of images) {
      const id = idOf((count += 1))
      const uploadable = { ...fields, disk_format: 'raw', container_format: 'bare' }
      const body = JSON.stringify({ ...(size === null ? fields : uploadable), id, tags: [tag] })
      for (const server of [simple, sql]) {
        seconds = at
        equal((await askRaw(server, '/v2/images', { method: 'POST', body })).status, 201)
        if (size === null) continue
        seconds = 3 - at
        const headers = { 'content-type': 'application/octet-stream' }
        const upload = { method: 'PUT', headers, body: Buffer.alloc(size) }
        equal((await askRaw(server, `/v2/images/${id}/file`, upload)).status, 204)
      }
    }
    for (const [sort, limit] of queries) {
      const query = `tag=${tag}${sort}`
      const all = await idsOf(simple, `/v2/images?${query}&limit=1000`)
      equal(all.length, images.length)
      equal(await idsOf(sql, `/v2/images?${query}&limit=1000`), all)
      for (const server of [simple, sql]) equal(await walk(server, query, limit), all)
    }
  })
})

interface Listing {
  readonly images: readonly { readonly id: string }[]
  readonly next?: string
}

async function list(server: { readonly port: number }, path: string): Promise<Listing> {
  const answer = await askRaw(server, path)
  equal(answer.status, 200)
  return documentOf(answer) as unknown as Listing // v2-images schema.
}

async function idsOf(server: { readonly port: number }, path: string): Promise<readonly string[]> {
  return (await list(server, path)).images.map(({ id }) => id)
}

/** As clients do, by `next`, but for what it loses: as Glance it has of what is repeated only the last. */
async function walk(
  server: { readonly port: number },
  query: string,
  limit: number,
): Promise<readonly string[]> {
  const isRepeated = query.split('sort_key').length > 2
  const first = `/v2/images?${query}&limit=${limit}`
  const ids: string[] = []
  for (let path: string | undefined = first; path !== undefined;) {
    const page: Listing = await list(server, path)
    ids.push(...page.images.map(({ id }) => id))
    path = isRepeated && page.next !== undefined ? `${first}&marker=${ids.at(-1)}` : page.next
    if (ids.length > 100) throw new Error(`${first} has no end`)
  }
  return ids
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** Rejects, with the smallest counterexample and how to find it again, unless `check` passes for everything. */
async function holds<T>(
  what: fc.Arbitrary<T>,
  runs: number,
  check: (value: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(what, check), { numRuns: runs * TIMES })
}

function documentOf({ body }: RawAnswer): Readonly<Record<string, unknown>> {
  return JSON.parse(body.toString()) as Record<string, unknown> // Only objects are answered here.
}

/** In one of the forms of Glance's faults. */
function isRefusal(answer: RawAnswer, statuses: readonly number[]): void {
  const { status, headers, body } = answer
  const text = body.toString()
  isOneOf(status, statuses)
  const type = String(headers['content-type'])
  if (type === 'application/json')
    equal(String(documentOf(answer)['code']).slice(0, 3), `${status}`)
  else if (type.startsWith('text/html')) equal(text.slice(0, 6), '<html>')
  else equal([type.slice(0, 10), text.slice(0, 3)], ['text/plain', String(status)])
}

function isOneOf(status: number, statuses: readonly number[]): void {
  if (!statuses.includes(status)) throw new Error(`${status} is none of ${statuses.join(', ')}`)
}

function equal(found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return
  throw new Error(`found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
}
