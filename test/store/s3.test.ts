import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { bytesOf, collect, collectAll, patternedBytes } from '../../lib/compliance/bytes.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { redact } from '../../lib/http/redact.ts'
import { DEFAULT_FILTER } from '../../lib/http/uri-filter.ts'
import { openOrDisable, openStore, propertiesOf } from '../../lib/store/open.ts'
import { parseS3Location, s3Location } from '../../lib/store/s3/location.ts'
import { partSizes } from '../../lib/store/s3/part-sizes.ts'
import { type S3Settings, s3Settings } from '../../lib/store/s3/settings.ts'
import { S3Store } from '../../lib/store/s3/store.ts'
import { ACCESS, FakeS3, SECRET } from '../support/s3.ts'

const ID = 'aaaaaaaa-0000-4000-8000-000000000001'
const MIB = 1024 * 1024

/** With parts small enough for a test. */
function settingsOf(fake: FakeS3, others: Partial<S3Settings> = {}): S3Settings {
  return {
    endpoint: fake.url,
    accessKey: ACCESS,
    secretKey: SECRET,
    bucket: 'images',
    createBucketOnPut: true,
    virtualHost: false,
    region: null,
    caFile: null,
    largeObjectSize: MIB,
    largeObjectChunkSize: MIB / 2,
    threadPools: 3,
    ...others,
  }
}

/** Parts that are little beside the limit of memory that the suite sets. */
const SMALL = { largeObjectChunkSize: MIB / 4, threadPools: 2 }

for (const { title, conditional } of [
  { title: 'the S3 store', conditional: true },
  { title: 'the S3 store, with a server that knows no conditional writes', conditional: false },
]) {
  t.test(title, async t => {
    storeSuite(t, {
      segment: SMALL.largeObjectChunkSize,
      create: async t => {
        const fake = await FakeS3.start(t)
        fake.conditional = conditional
        return {
          store: await S3Store.open('s3', settingsOf(fake, SMALL)),
          contents: async () => fake.contents(),
          cutOff: async id => {
            if (!fake.buckets.has('images')) fake.makeBucket('images')
            fake.beginUpload('images', id, 25)
          },
          whileFull: async (bytes, work) => {
            fake.capacity = bytes
            await work()
            fake.capacity = Infinity
          },
        }
      },
    })
  })
}

const OPTIONS = {
  s3_store_host: 's3.example.org',
  s3_store_access_key: 'A',
  s3_store_secret_key: 'S',
  s3_store_bucket: 'glance',
}

t.test('options are those of Glance, with its defaults', async t => {
  t.strictSame(s3Settings(OPTIONS), {
    endpoint: 'http://s3.example.org',
    bucket: 'glance',
    accessKey: 'A',
    secretKey: 'S',
    createBucketOnPut: false,
    virtualHost: false,
    region: null,
    caFile: null,
    largeObjectSize: 100 * MIB,
    largeObjectChunkSize: 10 * MIB,
    threadPools: 10,
  })
  for (const [given, wanted] of [
    [{ s3_store_host: 'https://h:8443/p/' }, { endpoint: 'https://h:8443/p' }],
    [{ s3_store_bucket_url_format: 'virtual' }, { virtualHost: true }],
    [{ s3_store_bucket_url_format: 'subdomain' }, { virtualHost: true }],
    [{ s3_store_host: 's3.amazonaws.com' }, { virtualHost: true, region: null }],
    [{ s3_store_host: 's3-eu-west-1.amazonaws.com' }, { region: 'eu-west-1' }],
    [{ s3_store_host: 'https://s3.cn-north-1.amazonaws.com.cn' }, { region: 'cn-north-1' }],
    [{ s3_store_host: 's3.amazonaws.com', s3_store_bucket: 'A_b' }, { virtualHost: false }],
    [
      { s3_store_host: 's3.amazonaws.com', s3_store_bucket_url_format: 'path' },
      { virtualHost: false },
    ],
    [{ s3_store_region_name: 'here' }, { region: 'here' }],
    [{ s3_store_create_bucket_on_put: 'True' }, { createBucketOnPut: true }],
    [{ s3_store_large_object_chunk_size: '5' }, { largeObjectChunkSize: 5 * MIB }],
    [{ s3_store_object_buffer_dir: '/tmp', store_description: 'x', weight: '1' }, {}],
  ] as const) {
    t.match(s3Settings({ ...OPTIONS, ...given }), wanted, JSON.stringify(given))
  }
})

t.test('a store is configured by its options, and tells of it what Glance tells', async t => {
  const fake = await FakeS3.start(t)
  const options = {
    s3_store_host: fake.url,
    s3_store_access_key: ACCESS,
    s3_store_secret_key: SECRET,
    s3_store_bucket: 'images',
    s3_store_create_bucket_on_put: 'true',
  }
  await using store = await openStore({ id: 'fast', type: 's3', options, filter: DEFAULT_FILTER })
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.equal(await store.size(location), 3)
  t.strictSame(propertiesOf('s3', options), {
    s3_store_large_object_size: 100 * MIB,
    s3_store_large_object_chunk_size: 10 * MIB,
    s3_store_thread_pools: 10,
  })
})

t.test('an option that is wrong is named, and no secret with it', async t => {
  for (const given of [
    { s3_store_host: '' },
    { s3_store_host: 'https://a:geheim@h' },
    { s3_store_host: 'http://http://h' },
    { s3_store_access_key: '' },
    { s3_store_secret_key: ' ' },
    { s3_store_bucket: 'a/b' },
    { s3_store_bucket: 'A_b', s3_store_bucket_url_format: 'virtual' },
    { s3_store_bucket_url_format: 'geheim' },
    { s3_store_large_object_chunk_size: '4' },
    { s3_store_large_object_chunk_size: '526' },
    { s3_store_large_object_size: '0' },
    { s3_store_thread_pools: '0' },
    { s3_store_create_bucket_on_put: 'maybe' },
    { s3_store_colour: 'red' },
  ]) {
    const [name = ''] = Object.keys(given)
    const wanted = { code: 'usage', message: new RegExp(`^${name}: (?!.*a:geheim)`) }
    t.throws(() => s3Settings({ ...OPTIONS, ...given }), wanted, JSON.stringify(given))
  }
})

t.test('locations are as Glance writes them, and what it wrote in 2012 is read', async t => {
  const own = { accessKey: 'test:tester', secretKey: 'a/b:c@d' }
  const at = (endpoint: string) => s3Location({ ...s3Settings(OPTIONS), ...own, endpoint }, ID).url
  t.equal(at('http://h:8080'), `s3://test:tester:a/b:c@d@h:8080/glance/${ID}`)
  t.equal(at('https://h/p'), `s3+https://test:tester:a/b:c@d@h/p/glance/${ID}`)
  const secret = (accessKey: string, secretKey: string) => ({ accessKey, secretKey })
  for (const [url, secure, host, credentials] of [
    ['s3://A:S@h/b/k', false, 'h', secret('A', 'S')],
    ['s3+http://A:S@h:8080/b/k', false, 'h:8080', secret('A', 'S')],
    ['s3+https://A:S@h/v1/x/b/k', true, 'h/v1/x', secret('A', 'S')],
    ['s3://A:S/x+y==@h/b/k', false, 'h', secret('A', 'S/x+y==')],
    ['s3://A:S:x@h/b/k', false, 'h', secret('A', 'S:x')],
    ['s3://test:tester:a/b:c@d@h/b/k', false, 'h', own],
    ['s3://h/b/k', false, 'h', null],
  ] as const) {
    const found = parseS3Location({ url }, own)
    t.strictSame(found, { secure, host, bucket: 'b', key: 'k', credentials }, url)
  }
  for (const url of [
    's3://A:geheim@h/k',
    's3://A:geheim@k',
    's3://geheim@h/b/k',
    's3://:geheim@h/b/k',
    's3://geheim:@h/b/k',
    's3://A:geheim@https://h/b/k',
    'http://A:geheim@h/b/k',
    's3:geheim',
    '',
  ]) {
    const wanted = { code: 'invalid', message: /^(?!.*geheim)/ }
    t.throws(() => parseS3Location({ url }, own), wanted, url)
  }
})

t.test('nothing of the location of an S3 object is shown in a message', async t => {
  for (const scheme of ['s3', 's3+http', 's3+https', 'S3']) {
    for (const secret of ['geheim', '/geheim', '80/geheim', 'x@geheim', ':geheim?a=b']) {
      const url = `${scheme}://A:${secret}@h/b/k`
      t.notMatch(redact(url), /geheim/i, url)
    }
  }
})

/** A fake server, and a store in its bucket `images`. */
async function start(t: Test, others: Partial<S3Settings> = {}) {
  const fake = await FakeS3.start(t)
  fake.makeBucket('images')
  const store = await S3Store.open('s3', settingsOf(fake, others))
  t.teardown(async () => store[Symbol.asyncDispose]())
  return { fake, store }
}

t.test('a bucket is made by the first image where that is wanted', async t => {
  for (const [size, createBucketOnPut] of [
    [3, true],
    [2 * MIB, true],
    [3, false],
    [2 * MIB, false],
  ] as const) {
    const { fake, store } = await start(t, { createBucketOnPut })
    fake.buckets.clear()
    const added = store.add(ID, patternedBytes(size), size)
    if (createBucketOnPut) t.equal((await added).size, size)
    else {
      const message = /^store s3: there is no bucket images: .*s3_store_create_bucket_on_put/
      await t.rejects(added, { code: 'unavailable', message })
    }
    t.strictSame(fake.contents(), createBucketOnPut ? [ID] : [])
  }
})

t.test('a store that is configured wrongly reads and deletes what its server has', async t => {
  const { fake, store } = await start(t)
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  const host = { s3_store_host: fake.url }
  const own = { s3_store_access_key: ACCESS, s3_store_secret_key: SECRET }
  for (const options of [
    host,
    { ...host, ...own, s3_store_bucket: 'a/b' },
    { ...host, ...own, s3_store_bucket: 'images', s3_store_thread_pools: 'many' },
    { ...host, ...own, s3_store_bucket: 'A_b', s3_store_bucket_url_format: 'virtual' },
  ]) {
    const config = { id: 'wrong', type: 's3', options, filter: DEFAULT_FILTER }
    await using wrong = await openOrDisable(config)
    t.equal((await collect(await wrong.open(location))).toString(), 'abc', JSON.stringify(options))
    await t.rejects(wrong.add(ID, bytesOf('abc'), 3), { code: 'gone' })
    await t.rejects(wrong.size(s3Location(settingsOf(fake), ID.replace('a', 'b'))), {
      code: 'not_found',
    })
  }
  const config = { id: 'wrong', type: 's3', options: own, filter: DEFAULT_FILTER }
  await using nowhere = await openOrDisable(config)
  await t.rejects(nowhere.open(location), { code: 'unavailable' }, 'of no server')
  await using wrong = await openOrDisable({ ...config, options: host })
  await wrong.delete(location)
  t.strictSame(fake.contents(), [])
})

t.test('what is larger than a part goes in parts, however large images are said to be', async t => {
  const { fake, store } = await start(t, { largeObjectSize: 5000 * MIB })
  for (const [size, known, parts] of [
    [MIB / 2, true, 0],
    [MIB / 2 + 1, true, 2],
    [3 * MIB, true, 6],
    [MIB / 2 - 1, false, 0],
    [MIB / 2, false, 1],
    [MIB / 2 + 1, false, 2],
    [3 * MIB, false, 6],
  ] as const) {
    fake.log.length = 0
    const { location } = await store.add(ID, patternedBytes(size), known ? size : null)
    t.equal(fake.log.filter(line => line.endsWith('partNumber uploadId')).length, parts, `${size}`)
    await store.delete(location)
  }
})

t.test('large images go in parts, even where a part is larger', async t => {
  const { fake, store } = await start(t, { largeObjectChunkSize: 2 * MIB })
  for (const [size, parts] of [
    [MIB - 1, 0],
    [MIB, 1],
  ] as const) {
    fake.log.length = 0
    const { location } = await store.add(ID, patternedBytes(size), size)
    t.equal(fake.log.filter(line => line.endsWith('partNumber uploadId')).length, parts, `${size}`)
    await store.delete(location)
  }
})

t.test('an image is never in memory as a whole, whatever the options say', async t => {
  for (const [chunk, pools, part, atOnce] of [
    [10, 10, 10, 3],
    [10, 2, 10, 2],
    [5, 10, 5, 6],
    [100, 10, 100, 2],
    [525, 1, 525, 1],
    [5, 10, 525, 1],
  ] as const) {
    const settings = { largeObjectChunkSize: chunk * MIB, threadPools: pools }
    const sizes = partSizes({ ...s3Settings(OPTIONS), ...settings }, 90 * MIB)
    t.equal(sizes.atOnce(part * MIB), atOnce, `${pools} of ${chunk} MiB`)
  }
  const [size, chunk] = [96 * MIB, 8 * MIB]
  const { fake, store } = await start(t, { largeObjectChunkSize: chunk, threadPools: 20 })
  let taken = 0
  async function* data() {
    for await (const piece of patternedBytes(size)) {
      taken += piece.length
      yield piece
    }
  }
  let arrived = 0
  let held = 0
  fake.before = async ({ query }) => {
    if (!query.has('partNumber')) return false
    // Only when the upload waits for us does it take the next.
    for (let before = -1; before !== taken;) {
      before = taken
      await new Promise(resolve => setImmediate(resolve))
    }
    held = Math.max(held, taken - arrived)
    return false
  }
  fake.after = ({ query }) => {
    if (query.has('partNumber')) arrived += chunk
    return false
  }
  await store.add(ID, data(), size)
  t.ok(held <= 33 * MIB, `${held} bytes`)
})

t.test('no number of parts at once is a reason for a warning', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error) => void warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const { fake, store } = await start(t, { largeObjectChunkSize: MIB / 16, threadPools: 20 })
  const waiting: (() => void)[] = []
  fake.before = async ({ query }) => {
    if (!query.has('partNumber')) return false
    await new Promise<void>(resolve => {
      waiting.push(resolve)
      if (waiting.length === 16) for (const goOn of waiting) goOn()
    })
    return false
  }
  await store.add(ID, patternedBytes(MIB), MIB)
  t.strictSame(warnings, [])
})

t.test('parts grow where there would be more than S3 takes', async t => {
  const settings = s3Settings(OPTIONS)
  const TIB = MIB * MIB
  t.equal(partSizes(settings, 97 * 1024 * MIB).size(1), 10 * MIB)
  const large = partSizes(settings, TIB)
  t.equal(large.size(10_000), Math.ceil(TIB / 10_000))
  t.equal(large.atOnce(large.size(1)), 1, 'and one at a time, for the memory')
  const unknown = partSizes(settings, null)
  let total = 0
  for (let number = 1; number <= 10_000; number += 1) total += unknown.size(number)
  t.ok(total > 5 * TIB)
  t.equal(unknown.size(1000), 10 * MIB)
  t.throws(() => unknown.size(10_001), { code: 'over_limit' })
})

t.test('a part that is refused stops the upload, and none is left', async t => {
  const { fake, store } = await start(t)
  fake.before = ({ query, request, response }) => {
    if (query.get('partNumber') !== '2') return false
    request.resume()
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')
    return true
  }
  async function* endless() {
    yield* patternedBytes(2 * MIB)
    await new Promise(() => {})
  }
  const message = 'store s3: UploadPart: the S3 server answered 403 AccessDenied'
  await t.rejects(store.add(ID, endless(), null), { code: 'unavailable', message })
  t.strictSame(fake.contents(), [])
})

t.test('an image whose answer was lost is there once, and it was added', async t => {
  for (const size of [3, 2 * MIB]) {
    const { fake, store } = await start(t)
    let lost = 0
    fake.after = ({ method, query, response }) => {
      const isLast = size === 3 ? method === 'PUT' : method === 'POST' && query.has('uploadId')
      if (!isLast || lost > 0) return false
      lost += 1
      response.destroy()
      return true
    }
    t.equal((await store.add(ID, patternedBytes(size), size)).size, size)
    t.equal(lost, 1)
    t.strictSame(fake.contents(), [ID])
  }
})

t.test('what another process writes meanwhile is not replaced', async t => {
  for (const size of [3, 2 * MIB]) {
    const { fake, store } = await start(t)
    const other = await S3Store.open('s3', settingsOf(fake))
    t.teardown(async () => other[Symbol.asyncDispose]())
    const images = fake.buckets.get('images')
    fake.before = async ({ request }) => {
      if (request.headers['if-none-match'] === undefined) return false
      fake.before = () => false
      await other.add(ID, bytesOf('other'), 5)
      return false
    }
    await t.rejects(store.add(ID, patternedBytes(size), size), { code: 'duplicate' })
    t.equal((await collect(await store.open(store.locate(ID)))).toString(), 'other')
    t.equal(images?.uploads.size, 0)
  }
})

t.test('what there is is listed in pages, and what is not of an image is not', async t => {
  const { fake, store } = await start(t)
  const ids = Array.from({ length: 5 }, (_, i) => ID.replace(/\d$/, String(i)))
  for (const id of ids) await store.add(id, bytesOf('abc'), 3)
  const { objects } = fake.buckets.get('images') ?? {}
  for (const key of ['notes', `old/${ID}`, `${ID}.qcow2`]) {
    const [first] = objects?.values() ?? []
    if (first !== undefined) objects?.set(key, first)
  }
  fake.beginUpload('images', `old/${ID}`)
  fake.beginUpload('images', ID.toUpperCase())
  const listed = await collectAll(store.list())
  t.strictSame(
    listed.map(({ id, isWhole }) => `${id} ${isWhole}`),
    [...ids.map(id => `${id} true`), `${ID} false`],
  )
  t.ok(listed.every(({ location }) => store.holds(location)))
  fake.buckets.clear()
  t.strictSame(await collectAll(store.list()), [], 'where there is no bucket, nothing is')
})

t.test('what is deleted and is not there takes its unfinished uploads along', async t => {
  const { fake, store } = await start(t)
  fake.makeBucket('images')
  const other = ID.replace(/\d$/, '9')
  for (const key of [ID, ID, other]) fake.beginUpload('images', key)
  await t.rejects(store.delete(store.locate(ID)), { code: 'not_found' })
  t.strictSame(fake.contents(), [`0 parts of ${other}`])
  fake.before = ({ query, response }) => {
    if (!query.has('uploads')) return false
    response.writeHead(403).end()
    return true
  }
  await t.rejects(store.delete(store.locate(other)), { code: 'not_found' }, 'if we may look')
})

t.test('recovery removes what nobody goes on with, in pages, and of images alone', async t => {
  const { fake, store } = await start(t)
  const [second, third, fourth] = ['b', 'c', 'd'].map(digit => ID.replace('a', digit))
  for (const key of [ID, ID, second, third, ID, 'backup']) fake.beginUpload('images', key ?? '', 25)
  fake.beginUpload('images', fourth ?? '', 23)
  const others = { id: 'slow', key: third ?? '', metadata: {}, initiated: new Date(0) }
  const { file, etag } = await partOf(fake, store)
  fake.buckets
    .get('images')
    ?.uploads.set('slow', { ...others, parts: new Map([[1, { file, etag }]]) })
  await store.recover()
  t.strictSame(fake.contents().toSorted(), [
    '0 parts of backup',
    `0 parts of ${fourth}`,
    `1 parts of ${third}`,
    ID,
  ])
  fake.buckets.clear()
  await store.recover()
  t.pass('without a bucket there are none')
})

/** What a server has of an image of one byte, written just now. */
async function partOf(fake: FakeS3, store: S3Store) {
  await store.add(ID, bytesOf('a'), 1)
  return fake.buckets.get('images')?.objects.get(ID) ?? { file: '', etag: '' }
}

t.test('a broken connection is taken up where it broke', async t => {
  const { fake, store } = await start(t)
  const { location } = await store.add(ID, patternedBytes(3 * MIB), null)
  let broken = 0
  fake.cutAfter = () => (broken++ < 2 ? MIB : Infinity)
  const found = await collect(await store.open(location))
  t.ok(found.equals(await collect(patternedBytes(3 * MIB))))
  t.equal(broken, 3)
  fake.cutAfter = () => 0
  await t.rejects(collect(await store.open(location)), { code: 'unavailable' })
})

t.test('an object that changes or goes is not read as if it were the same', async t => {
  const { fake, store } = await start(t)
  const objects = fake.buckets.get('images')?.objects
  const { location } = await store.add(ID, bytesOf('first'), 5)
  const early = await store.open(location)
  await store.delete(location)
  await t.rejects(collect(early), { code: 'gone' })
  await store.add(ID, bytesOf('second'), 6)
  const late = await store.open(location)
  const found = objects?.get(ID)
  if (found !== undefined) objects?.set(ID, { ...found, etag: 'another' })
  await t.rejects(collect(late), { code: 'gone' })
})

t.test(
  'what others stored is read by the credentials of its location, and by no others',
  async t => {
    const { fake, store } = await start(t)
    const { location } = await store.add(ID, bytesOf('abc'), 3)
    const host = new URL(fake.url).host
    const wrong = { url: `s3://${ACCESS}:geheim@${host}/images/${ID}` }
    await t.rejects(store.open(wrong), { code: 'unavailable', message: /403(?!.*geheim)/ })
    const nobodys = { url: `s3://${host}/images/${ID}` }
    await t.rejects(store.open(nobodys), { code: 'unavailable' })
    await t.rejects(store.delete(nobodys), { code: 'unavailable' })
    fake.published.add(ID)
    t.equal((await collect(await store.open(nobodys))).toString(), 'abc')
    t.notOk(store.holds(nobodys))
    t.equal(await store.size({ url: location.url.replace('s3:', 's3+http:') }), 3)
  },
)

t.test('a server with a certificate is trusted by the file of its authority', async t => {
  const tls = {
    key: readFileSync('fixtures/tls/server.key'),
    cert: readFileSync('fixtures/tls/server.pem'),
  }
  const fake = await FakeS3.start(t, tls)
  const open = async (caFile: string | null) => S3Store.open('s3', settingsOf(fake, { caFile }))
  await using store = await open('fixtures/tls/ca.pem')
  const { location } = await store.add(ID, bytesOf('abc'), 3)
  t.match(location.url, /^s3\+https:/)
  t.equal(await store.size(location), 3)
  await using stranger = await open(null)
  await t.rejects(stranger.size(location), { code: 'unavailable', message: /certificate/ })
  await t.rejects(open('no such file'), { code: 'usage', message: /^s3_store_cacert: no such/ })
})

t.test('with virtual hosts the bucket is in the name of the server', async t => {
  const settings = s3Settings({
    ...OPTIONS,
    s3_store_host: 's3.invalid', // RFC 6761: no such name is ever found.
    s3_store_bucket_url_format: 'virtual',
  })
  await using store = await S3Store.open('s3', settings)
  await t.rejects(store.size(store.locate(ID)), {
    code: 'unavailable',
    message: /glance\.s3\.invalid/,
  })
})
