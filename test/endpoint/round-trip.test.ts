import {
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  integer,
  oneof,
  option,
  record,
  string,
  stringMatching,
  tuple,
  uniqueArray,
  boolean,
} from 'fast-check'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../lib/endpoint/endpoint.ts'
import { openEndpoint } from '../../lib/endpoint/open.ts'
import type { Image } from '../../lib/image/image.ts'
import { fixedToken } from '../../lib/keystone/token-source.ts'
import { plan } from '../../lib/replicate/plan.ts'
import { run } from '../../lib/replicate/run.ts'
import { attributesOf, changesBetween } from '../../lib/wire/attributes.ts'
import { forGood, type LostField } from '../../lib/wire/loss.ts'
import { isBaseAttribute, isReservedProperty, isWithheldName } from '../../lib/wire/v2-image.ts'
import { bytesOf, dataOf, idOf, imageOf, toArray } from '../support/images.ts'
import { startTestServer } from '../support/server.ts'

const OPTIONS = {
  tokens: fixedToken(null),
  timeoutMs: 10_000,
  attempts: 1,
  chunkSize: 4096,
  writable: true,
}
/** Text that every Glance can store: no characters beyond U+FFFF, and no NUL. */
const text = (maxLength: number, minLength = 0) =>
  string({ unit: 'binary', minLength, maxLength, size: 'max' }).map(text =>
    text.replaceAll(/[\u{10000}-\u{10ffff}\0]/gu, '□').slice(0, maxLength),
  )
const V1_NAME = stringMatching(/^[a-z_]{2,30}$/)
const isCustom = (name: string) =>
  !isBaseAttribute(name) && !isReservedProperty(name) && !isWithheldName(name)
const ANY_PROPERTIES = dictionary(
  oneof(text(20, 1), text(255, 1), V1_NAME).filter(isCustom),
  oneof(text(40), text(2000)),
  { maxKeys: 16, size: 'max' },
)
/** More than v1 has room for, and some that are too long by themselves. */
const LONG_PROPERTIES = dictionary(
  V1_NAME.filter(isCustom),
  tuple(stringMatching(/^[!-~]{4}$/), integer({ min: 1000, max: 2010 })).map(([part, times]) =>
    part.repeat(times),
  ),
  { minKeys: 8, maxKeys: 16 },
)
const PROPERTIES = oneof({ arbitrary: ANY_PROPERTIES, weight: 3 }, LONG_PROPERTIES)
/** Formats that go together, of which the data may be anything. */
const FORMATS = constantFrom(
  ...[
    ['raw', 'bare'],
    ['ploop', 'bare'],
    ['ami', 'ami'],
    ['aki', 'aki'],
    ['ari', 'ari'],
    ['vmdk', 'ovf'],
    ['qcow2', 'ova'],
    ['raw', 'docker'],
    ['vhd', 'compressed'],
  ].map(([diskFormat = null, containerFormat = null]) => ({ diskFormat, containerFormat })),
)
const DATA = constantFrom(0, 1, 10, 70_000).map(length => bytesOf(1, length))

t.test('an image of v2 comes back from v1 but for what was told to be lost', async t => {
  const [one, two, three] = [await open(t, 2), await open(t, 1), await open(t, 2)]
  let n = 0
  await assert(
    asyncProperty(
      record({
        name: option(oneof(text(40), text(255))),
        visibility: constantFrom('public', 'private', 'shared', 'community'),
        hidden: boolean(),
        protected: boolean(),
        owner: option(oneof(string({ minLength: 1, maxLength: 10 }), text(255, 1))),
        minDisk: integer({ min: 0, max: 2 ** 31 - 1 }),
        minRam: integer({ min: 0, max: 2 ** 31 - 1 }),
        tags: uniqueArray(oneof(text(20, 1), text(255, 1)), { maxLength: 5 }),
        properties: PROPERTIES,
        formats: FORMATS,
        data: DATA,
      }),
      async ({ properties, tags, formats, data, ...fields }) => {
        const given = { ...fields, tags: tags.toSorted(), properties: propertiesOf(properties) }
        const image = imageOf((n += 1), data, { ...given, ...formats })
        await one.add(image, dataOf(image, [data]))
        const lost = await copy(one, two)
        t.same(await copy(two, three), [], 'nothing more is lost on the way back')
        const back = await last(three)
        const differing = changesBetween(back, image).map(({ field }) => field)
        t.same(differing.toSorted(), lost.map(({ field }) => field).toSorted())
        t.match(back, { checksum: image.checksum, digest: image.digest, size: data.length })
      },
    ),
    { numRuns: 8 },
  )
})

t.test('an image of v1 comes back from v2 but for what was told to be lost', async t => {
  const [one, two, three] = [await open(t, 1), await open(t, 2), await open(t, 1)]
  let n = 0
  await assert(
    asyncProperty(
      record({
        name: option(oneof(text(40), text(255))),
        visibility: constantFrom('public', 'shared'),
        protected: boolean(),
        minRam: integer({ min: 0, max: 2 ** 31 - 1 }),
        properties: PROPERTIES,
        formats: FORMATS,
        data: DATA,
      }),
      async ({ properties, formats, data, ...fields }) => {
        const custom = { ...fields, ...formats, properties: propertiesOf(properties) }
        const given = imageOf((n += 1), data, custom)
        await one.add(given, dataOf(given, [data]))
        const image = await last(one)
        t.same(await copy(one, two), [])
        t.same(await copy(two, three), [])
        t.same(attributesOf(await last(three)), attributesOf(image))
      },
    ),
    { numRuns: 8 },
  )
})

t.test('an active image of v1 without data and formats, as of a volume', async t => {
  const server = await startTestServer(t)
  const headers = { 'x-image-meta-size': '0', 'x-image-meta-property-bdm': '[]' }
  const made = { 'x-image-meta-id': idOf(1), 'x-image-meta-name': 'a volume', ...headers }
  t.equal((await server.call('POST', '/v1/images', { headers: made })).status, 201)
  const folder = t.testdir()
  const directory = await openEndpoint(`dir:${folder}`, OPTIONS)
  for (const from of [1, 2] as const) {
    const source = await openEndpoint(server.url, { ...OPTIONS, api: from })
    t.teardown(() => source[Symbol.asyncDispose]())
    for (const to of [1, 2] as const) {
      t.test(`goes by v${from} to v${to}`, async t => {
        const target = await open(t, to)
        const lost = await copy(source, target)
        t.strictSame(
          lost.map(({ field }) => field),
          to === 1 ? [] : ['container_format', 'disk_format'],
        )
        t.match(await last(target), {
          name: 'a volume',
          status: 'active',
          size: 0,
          diskFormat: to === 1 ? null : 'raw',
          containerFormat: to === 1 ? null : 'bare',
          properties: new Map([['bdm', '[]']]),
        })
      })
    }
  }
  t.test('is dumped by v2, and loaded', async t => {
    const source = await openEndpoint(server.url, { ...OPTIONS, api: 2 })
    t.teardown(() => source[Symbol.asyncDispose]())
    t.same(await copy(source, directory), [])
    for (const to of [1, 2] as const) {
      const target = await open(t, to)
      await copy(directory, target)
      t.match(await last(target), { status: 'active', size: 0 })
    }
  })
  t.test('waits for data where only its record is wanted', async t => {
    const source = await openEndpoint(server.url, { ...OPTIONS, api: 1 })
    t.teardown(() => source[Symbol.asyncDispose]())
    const target = await open(t, 1)
    await target.add(await last(source), null)
    t.match(await last(target), { status: 'queued', size: null })
  })
})

async function open(t: Test, api: 1 | 2): Promise<Endpoint> {
  const server = await startTestServer(t)
  const endpoint = await openEndpoint(server.url, { ...OPTIONS, api })
  t.teardown(() => endpoint[Symbol.asyncDispose]())
  return endpoint
}

function propertiesOf(given: Readonly<Record<string, string>>): Image['properties'] {
  return new Map(Object.entries(given))
}

/** Copies all that is there, and resolves to what is lost for good of the last image. A second plan has nothing to do. */
async function copy(source: Endpoint, target: Endpoint): Promise<readonly LostField[]> {
  const events = await toArray(run(() => plan(source, target, {}), source, target, { attempts: 1 }))
  for (const event of events) {
    if (event.type === 'failed') throw event.error
    if (event.type === 'finished' && event.written.refused.length > 0) {
      throw new Error(JSON.stringify(event.written.refused))
    }
  }
  const steps = await toArray(plan(source, target, {}))
  for (const step of steps) {
    if (step.action !== 'skip') throw new Error(JSON.stringify(step))
  }
  return forGood(steps.at(-1)?.lost ?? [])
}

async function last(endpoint: Endpoint): Promise<Image> {
  const image = (await toArray(endpoint.list())).at(-1)
  if (image === undefined) throw new Error(`${idOf(1)} is not there`)
  return image
}
