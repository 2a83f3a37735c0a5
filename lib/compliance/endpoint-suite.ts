import type { Test, TestFunction } from './test.ts'
import { testOf } from './test-of.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { compareIds, type Image } from '../image/image.ts'
import { attributesOf } from '../wire/attributes.ts'
import { bytesOf, collect, dataOf, idOf, imageOf, toArray } from './images.ts'

export interface EndpointSuiteOptions<T extends Test> {
  /** A writable endpoint without any images, disposed of by the suite. */
  create(t: T): Promise<Endpoint>
  /** Checks after each test that nothing is left behind. */
  check?(t: T, endpoint: Endpoint): Promise<void>
}

const DATA = bytesOf(1, 300_000)
const IMAGE = imageOf(1, DATA, {
  name: 'Grüße, 世界 "quoted" 🎉'.replace(' 🎉', ''), // Glance keeps no characters beyond U+FFFF.
  visibility: 'shared',
  protected: true,
  minDisk: 3,
  minRam: 512,
  tags: ['a b', 'ä/?&'],
  properties: new Map([
    ['os_distro', 'debian'],
    ['empty', ''],
    ['odd key/~%', 'line\nbreak'],
  ]),
})

/** What an {@link Endpoint} promises, sentence by sentence. */
export function endpointSuite<T extends Test>(
  given: T | TestFunction,
  { create, check }: EndpointSuiteOptions<T>,
): void {
  const t = testOf(given)
  const test = (title: string, body: (t: Test, endpoint: Endpoint) => Promise<void>) => {
    t.test(title, async t => {
      await using endpoint = await create(t as T) // Cases are given what the suite is.
      await body(t, endpoint)
      await check?.(t as T, endpoint)
    })
  }

  test('a new endpoint lists nothing', async (t, endpoint) => {
    t.same(await toArray(endpoint.list()), [])
  })

  test('an image that was added has its metadata and its data', async (t, endpoint) => {
    const { refused } = await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    t.same(refused, [])
    const [found] = await toArray(endpoint.list())
    t.same(carried(found), expected(endpoint, IMAGE))
    t.match(found, { status: 'active', size: DATA.length, checksum: IMAGE.checksum })
    const data = await endpoint.data(found ?? IMAGE)
    t.match(data, { size: DATA.length, checksum: IMAGE.checksum })
    t.ok(DATA.equals(await collect(await data.open())), 'the bytes are the same')
  })

  test('every image is listed once, in id order, hidden and private ones too', async (t, endpoint) => {
    const images = [5, 2, 4, 1, 3].map(n =>
      imageOf(n, DATA.subarray(0, n), {
        hidden: n % 2 === 0,
        visibility: n === 3 ? 'private' : n === 4 ? 'community' : 'public',
      }),
    )
    for (const image of images)
      await endpoint.add(image, dataOf(image, [DATA.subarray(0, image.size ?? 0)]))
    const listed = await toArray(endpoint.list())
    t.same(
      listed.map(({ id }) => id),
      [1, 2, 3, 4, 5].map(idOf),
    )
    t.same(
      listed.map(carried),
      images.toSorted((a, b) => compareIds(a.id, b.id)).map(image => expected(endpoint, image)),
    )
  })

  test('an image of no bytes is an image', async (t, endpoint) => {
    const image = imageOf(1)
    await endpoint.add(image, dataOf(image, []))
    const [found] = await toArray(endpoint.list())
    t.match(found, { status: 'active', size: 0 })
    t.equal((await collect(await (await endpoint.data(found ?? image)).open())).length, 0)
  })

  test('an image can be added without its data, and then waits for it', async (t, endpoint) => {
    await endpoint.add(IMAGE, null)
    const [found] = await toArray(endpoint.list())
    t.same(carried(found), expected(endpoint, IMAGE))
    t.equal(found?.status, 'queued')
    await t.rejects(async () => await collect(await (await endpoint.data(found ?? IMAGE)).open()), {
      code: 'conflict',
    })
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    t.equal((await toArray(endpoint.list()))[0]?.status, 'active')
  })

  test('data can be opened again, and from an offset on', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    const data = await endpoint.data(IMAGE)
    for await (const _ of await data.open()) break
    t.ok(DATA.equals(await collect(await data.open())))
    if (endpoint.features.ranges) {
      t.ok(DATA.subarray(1000).equals(await collect(await data.open({ offset: 1000 }))))
    }
  })

  test('a protected image that is hidden stays both', async (t, endpoint) => {
    const image = { ...IMAGE, hidden: true }
    await endpoint.add(image, dataOf(image, [DATA]))
    const { hidden } = endpoint.expressible(image).image
    t.match((await toArray(endpoint.list()))[0], { hidden, protected: true })
  })

  test('what is there is there in full: nothing of it is lost any more', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    for await (const image of endpoint.list()) t.same(endpoint.expressible(image).lost, [])
  })

  for (const { title, data, error } of [
    { title: 'data that ends early', data: () => [DATA.subarray(1)], error: { code: 'corrupt' } },
    { title: 'data that goes on too long', data: () => [DATA, DATA], error: { code: 'corrupt' } },
    {
      title: 'data with a flipped bit',
      data: () => [DATA.subarray(1), Buffer.from([(DATA[0] ?? 0) ^ 1])],
      error: { code: 'corrupt' },
    },
    {
      title: 'a source that fails half way',
      data: failing,
      error: { message: 'the source failed' },
    },
  ]) {
    test(`${title} is not kept, and the failure is told`, async (t, endpoint) => {
      const { hashes, repeatable } = endpoint.features
      const told = 'code' in error && !repeatable ? { code: /^(corrupt|gone)$/ } : error
      await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, data())), told)
      const { image } = endpoint.expressible({ ...IMAGE, visibility: 'private', hidden: true })
      const { visibility, hidden } = image
      for (const left of await toArray(endpoint.list())) {
        t.match(left, { status: 'queued' }, 'what is left has no data')
        if (hashes) t.match(left, { visibility, hidden }, 'and is as hidden as can be')
      }
    })
  }

  test('an attempt that failed before any data came can be repeated', async (t, endpoint) => {
    const silent = { ...dataOf(IMAGE, []), open: async () => await Promise.reject(new Error('no')) }
    await t.rejects(endpoint.add(IMAGE, silent), { message: 'no' })
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    t.match(await toArray(endpoint.list()), [{ status: 'active', size: DATA.length }])
  })

  test('an attempt that failed half way can be repeated, or says that it cannot', async (t, endpoint) => {
    await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, failing())), { message: 'the source failed' })
    if (!endpoint.features.repeatable) {
      await t.rejects(endpoint.add(IMAGE, dataOf(IMAGE, [DATA])), {
        code: 'duplicate',
        message: /its status is killed: .* purged/,
      })
      await endpoint.discard(IMAGE.id)
      return
    }
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    const [found] = await toArray(endpoint.list())
    t.same(carried(found), expected(endpoint, IMAGE))
    t.match(found, { status: 'active', hidden: false })
  })

  test('a signal that fires half way stops the copy, and nothing is kept', async (t, endpoint) => {
    const controller = new AbortController()
    const reason = new Error('enough')
    async function* stopping() {
      yield DATA.subarray(0, 1000)
      controller.abort(reason)
      yield DATA.subarray(1000)
    }
    const data = {
      ...dataOf(IMAGE, stopping()),
      open: async () => untilAborted(stopping(), controller.signal),
    }
    await t.rejects(endpoint.add(IMAGE, data, { signal: controller.signal }), { message: 'enough' })
    t.ok((await toArray(endpoint.list())).every(image => image.status !== 'active'))
  })

  test('what has no data can be discarded, what has data not', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    await endpoint.discard(IMAGE.id)
    t.equal((await toArray(endpoint.list())).length, 1)
    await endpoint.discard(idOf(9))
  })

  test('an image can be asked for by its id', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    const found = await endpoint.get?.(IMAGE.id)
    t.same(carried(found), expected(endpoint, IMAGE))
    t.match(found, { status: 'active', size: DATA.length })
    await t.rejects(async () => await endpoint.get?.(idOf(9)), { code: 'not_found' })
  })

  for (const { how, left } of [
    { how: 'hide', left: [{ status: 'active', hidden: true }] },
    { how: 'deactivate', left: [{ status: 'deactivated', hidden: false }] },
    { how: 'delete', left: [] },
  ] as const) {
    test(`to ${how} an image does that, and nothing to others`, async (t, endpoint) => {
      const { withdrawals = [] } = endpoint.features
      if (!withdrawals.includes(how)) return
      const [one, two] = [1, 2].map(n => imageOf(n, DATA, { properties: new Map([['k', 'v']]) }))
      for (const image of [one, two])
        if (image !== undefined) await endpoint.add(image, dataOf(image, [DATA]))
      const [present] = await toArray(endpoint.list())
      await endpoint.withdraw?.(present ?? IMAGE, how)
      const listed = await toArray(endpoint.list())
      t.match(listed, [...left, { id: idOf(2), status: 'active', hidden: false }])
      t.equal(listed.length, left.length + 1)
      t.ok(DATA.equals(await collect(await (await endpoint.data(imageOf(2, DATA))).open())))
      if (how === 'delete') {
        await t.rejects(async () => await endpoint.get?.(idOf(1)), { code: 'not_found' })
        await endpoint.withdraw?.(present ?? IMAGE, how)
      }
    })
  }

  test('an image of the same id is not overwritten', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    const other = imageOf(1, bytesOf(2, 10))
    await t.rejects(endpoint.add(other, dataOf(other, [bytesOf(2, 10)])), { code: 'duplicate' })
    t.same(carried((await toArray(endpoint.list()))[0]), expected(endpoint, IMAGE))
  })

  test('an update changes the metadata and leaves the data alone', async (t, endpoint) => {
    await endpoint.add(IMAGE, dataOf(IMAGE, [DATA]))
    const [present] = await toArray(endpoint.list())
    const wanted = {
      ...IMAGE,
      name: 'another name',
      tags: ['c'],
      protected: false,
      properties: new Map([
        ['new', 'value'],
        ['empty', 'no longer'],
      ]),
    }
    const { refused } = await endpoint.update(present ?? IMAGE, wanted)
    t.same(refused, [])
    const [updated] = await toArray(endpoint.list())
    t.same(carried(updated), expected(endpoint, wanted))
    t.ok(DATA.equals(await collect(await (await endpoint.data(wanted)).open())))
  })

  test('the data of an image that is not there is not found', async (t, endpoint) => {
    await t.rejects(async () => await collect(await (await endpoint.data(imageOf(7))).open()), {
      code: 'not_found',
    })
  })
}

/** What there is of the image when it was written to the endpoint. */
function expected(endpoint: Endpoint, image: Image): unknown {
  return carried(endpoint.expressible(image).image)
}

function carried(image: Image | undefined): unknown {
  return image === undefined ? undefined : Object.fromEntries(attributesOf(image))
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield DATA.subarray(0, 100_000)
  throw new Error('the source failed')
}

async function* untilAborted(data: AsyncIterable<Uint8Array>, signal: AbortSignal) {
  for await (const chunk of data) {
    signal.throwIfAborted()
    yield chunk
  }
}
