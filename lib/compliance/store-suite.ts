import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test, TestFunction } from './test.ts'
import { testOf } from './test-of.ts'
import type { Store } from '../store/store.ts'
import { bytesOf, collect, collectAll, patternedBytes } from './bytes.ts'
import { MemoryWatch } from './memory.ts'
import { misfortunes } from './store-misfortunes.ts'

/** A store to be tested, empty and of its own for each test. */
export interface StoreFixture {
  readonly store: Store
  /** The names of what the store keeps where it keeps it, when that can be looked at: whole images' only, we hope. */
  readonly contents?: () => Promise<readonly string[]>
  /** Runs `work` while there is no room in the store for more than `bytes`. */
  readonly whileFull?: (bytes: number, work: () => Promise<void>) => Promise<void>
  /** Leaves behind what a crash leaves in the middle of `add(id, …)`. */
  readonly cutOff?: (id: string) => Promise<void>
}

export interface StoreSuiteOptions<T extends Test> {
  readonly create: (t: T) => Promise<StoreFixture>
  /** Bytes after which the store begins another file, object or part, set low; default 1 MiB. */
  readonly segment?: number
  /** Titles of cases that do not apply, and why. */
  readonly skip?: Readonly<Record<string, string>>
  /** Titles of the only cases to be run, where all are run elsewhere; every case unless given. There has to be each. */
  readonly only?: readonly string[]
}

/** An image's id. */
export const A = 'aaaaaaaa-0000-4000-8000-000000000001'
export const B = 'bbbbbbbb-0000-4000-8000-000000000002'
const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

/** Defines a case, whose `work` resolves to the ids of the images that the store then has. */
export type CheckStore = (
  title: string,
  work: (t: Test, store: Store, fixture: StoreFixture) => Promise<readonly string[]>,
) => void

/** Every promise of {@link Store}, and that nothing is left behind that should not be. */
export function storeSuite<T extends Test>(
  given: T | TestFunction,
  { create, segment = MIB, skip = {}, only }: StoreSuiteOptions<T>,
): void {
  const t = testOf(given)
  const unseen = new Set(only)
  const check: CheckStore = (title, work) => {
    if (only !== undefined && !unseen.delete(title)) return
    const reason = skip[title]
    t.test(title, reason === undefined ? {} : { skip: reason }, async t => {
      const fixture = await create(t as T) // Cases are given what the suite is.
      await using store = fixture.store
      const remaining = await work(t, store, fixture)
      for (const id of [A, B]) {
        if (remaining.includes(id)) t.ok((await store.size(store.locate(id))) >= 0, `has ${id}`)
        else await t.rejects(store.size(store.locate(id)), { code: 'not_found' }, `lacks ${id}`)
      }
      if (fixture.contents === undefined) return
      t.strictSame((await fixture.contents()).toSorted(), remaining.toSorted(), 'no more, no less')
    })
  }

  for (const { title, size, declared } of [
    { title: 'what was added is read back', size: 3 * MIB + 17, declared: true },
    { title: 'an image of unknown size is read back', size: 2 * MIB + 1, declared: false },
    { title: 'an image of one byte is read back', size: 1, declared: true },
    { title: 'an image without a byte is one too', size: 0, declared: true },
    { title: 'an image of unknown size may have no bytes', size: 0, declared: false },
  ]) {
    check(title, async (t, store) => {
      const added = await store.add(A, patternedBytes(size), declared ? size : null)
      t.equal(added.size, size)
      t.strictSame(added.location, store.locate(A), 'it is where it was to be')
      t.ok(store.schemes.includes(added.location.url.split(':')[0] ?? ''))
      t.equal(await store.size(added.location), size)
      const found = await collect(await store.open(added.location))
      t.ok(found.equals(await collect(patternedBytes(size))), 'the bytes are the same')
      return [A]
    })
  }

  for (const { title, sent, size, code } of [
    { title: 'a stream that ends early leaves nothing', sent: ['ab'], size: 3, code: 'corrupt' },
    { title: 'a stream that is empty too soon, too', sent: [], size: 1, code: 'corrupt' },
    { title: 'a stream that is too long, too', sent: ['abc', 'd'], size: 3, code: 'corrupt' },
  ]) {
    check(title, async (t, store) => {
      await t.rejects(store.add(A, bytesOf(...sent), size), { code })
      return []
    })
  }

  check('what the stream throws half-way is thrown on and nothing is left', async (t, store) => {
    const broken = new Error('broken')
    await t.rejects(store.add(A, failing(broken), 2 * MIB), broken)
    return []
  })

  check('after a failure the same image can be added', async (t, store) => {
    await t.rejects(store.add(A, bytesOf('ab'), 3))
    await store.add(A, bytesOf('abc'), 3)
    t.equal(await textOf(store, A), 'abc')
    return [A]
  })

  check('a signal that has fired already stops a write before it begins', async (t, store) => {
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await t.rejects(store.add(A, bytesOf('abc'), 3, { signal }), reason)
    return []
  })

  check('a signal half-way stops a write and nothing is left', async (t, store) => {
    const controller = new AbortController()
    const reason = new Error('enough')
    let closed = false
    async function* data() {
      try {
        yield* bytesOf('ab')
        controller.abort(reason)
        yield* bytesOf('c')
      } finally {
        closed = true
      }
    }
    await t.rejects(store.add(A, data(), 3, { signal: controller.signal }), reason)
    t.ok(closed, 'and the source is closed')
    return []
  })

  check('a signal stops a write also while the source has nothing to say', async (t, store) => {
    const controller = new AbortController()
    const reason = new Error('enough')
    async function* data() {
      yield* bytesOf('ab')
      controller.abort(reason)
      await new Promise(() => {})
    }
    await t.rejects(store.add(A, data(), 3, { signal: controller.signal }), reason)
    return []
  })

  check('data that is there is not replaced', async (t, store) => {
    await store.add(A, bytesOf('first'), 5)
    await t.rejects(store.add(A, bytesOf('other'), 5), { code: 'duplicate' })
    t.equal(await textOf(store, A), 'first')
    return [A]
  })

  check('a file may become the data, and replaces none', async (t, store) => {
    const folder = await mkdtemp(join(tmpdir(), 'adopted-'))
    try {
      const [file, other] = [join(folder, 'one'), join(folder, 'other')]
      await writeFile(file, 'adopted')
      await writeFile(other, 'something else')
      const added = await store.adopt?.(A, file)
      // It need not be possible, even where it is for some files.
      if (added === undefined) await store.add(A, bytesOf('adopted'), 7)
      else t.strictSame([added.location.url, added.size], [store.locate(A).url, 7])
      await rm(file)
      t.equal(await textOf(store, A), 'adopted')
      if (store.adopt !== undefined && added !== undefined) {
        await t.rejects(store.adopt(A, other), { code: 'duplicate' })
      }
      t.equal(await textOf(store, A), 'adopted')
      return [A]
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  check(
    'of two writers of one image at once, one wins, and its data is whole',
    async (t, store) => {
      const texts = ['a'.repeat(MIB), 'b'.repeat(MIB)]
      const writes = texts.map(text => store.add(A, bytesOf(text, text), null))
      const results = await Promise.allSettled(writes)
      const winner = results.findIndex(({ status }) => status === 'fulfilled')
      t.match(results[1 - winner], { status: 'rejected', reason: { code: 'duplicate' } })
      const text = texts[winner] ?? ''
      t.ok((await textOf(store, A)) === text + text, 'nothing is mixed')
      return [A]
    },
  )

  check('two images are written and read at once', async (t, store) => {
    await Promise.all([
      store.add(A, bytesOf('one', 'more'), 7),
      store.add(B, bytesOf('an', 'other'), 7),
    ])
    const texts = await Promise.all([textOf(store, A), textOf(store, B), textOf(store, A)])
    t.strictSame(texts, ['onemore', 'another', 'onemore'])
    return [A, B]
  })

  check('a range is read exactly', async (t, store) => {
    const size = 3 * MIB + 17
    await store.add(A, patternedBytes(size), size)
    const whole = await collect(patternedBytes(size))
    for (const [offset, length] of [
      [0, 1],
      [0, size],
      [1, 0],
      [5, 10],
      [MIB - 1, 2],
      [MIB - 7, 2 * MIB],
      [size - 1, 1],
      [size, 0],
    ] as const) {
      const found = await collect(await store.open(store.locate(A), { offset, length }))
      t.ok(found.equals(whole.subarray(offset, offset + length)), `${length} from ${offset}`)
    }
    return [A]
  })

  check('a range that is not all there is refused before anything is read', async (t, store) => {
    await store.add(A, bytesOf('abc'), 3)
    for (const range of [
      { offset: 0, length: 4 },
      { offset: 3, length: 1 },
      { offset: 4, length: 0 },
    ]) {
      await t.rejects(store.open(store.locate(A), range), { code: 'unsatisfiable_range' })
    }
    return [A]
  })

  check('a reader may leave at any time, and others do not notice', async (t, store) => {
    const size = 3 * MIB
    await store.add(A, patternedBytes(size), size)
    await store.open(store.locate(A)) // And never read.
    for await (const chunk of await store.open(store.locate(A))) {
      t.ok(chunk.length > 0)
      break
    }
    t.equal((await collect(await store.open(store.locate(A)))).length, size)
    return [A]
  })

  check('a signal stops a reader', async (t, store) => {
    const size = 3 * MIB
    await store.add(A, patternedBytes(size), size)
    const controller = new AbortController()
    const reason = new Error('enough')
    const { signal } = controller
    const read = async () => {
      for await (const _ of await store.open(store.locate(A), null, { signal })) {
        controller.abort(reason)
      }
    }
    await t.rejects(read(), reason)
    await t.rejects(store.open(store.locate(A), null, { signal }), reason, 'and the next one')
    return [A]
  })

  check('what is not there is not found', async (t, store) => {
    await store.add(A, bytesOf('abc'), 3)
    const absent = store.locate(B)
    await t.rejects(store.open(absent), { code: 'not_found' })
    await t.rejects(store.open(absent, { offset: 0, length: 1 }), { code: 'not_found' })
    await t.rejects(store.size(absent), { code: 'not_found' })
    await t.rejects(store.delete(absent), { code: 'not_found' })
    return [A]
  })

  check('what was deleted is gone, alone, and may be added again', async (t, store) => {
    await store.add(A, bytesOf('abc'), 3)
    await store.add(B, bytesOf('abc'), 3)
    await store.delete(store.locate(A))
    await t.rejects(store.open(store.locate(A)), { code: 'not_found' })
    await t.rejects(store.delete(store.locate(A)), { code: 'not_found' })
    await store.add(A, bytesOf('abcd'), 4)
    t.equal(await textOf(store, A), 'abcd')
    return [A, B]
  })

  check('what there is is listed, if that can be, each image once', async (t, store) => {
    if (store.list === undefined) return []
    t.strictSame(await collectAll(store.list()), [], 'nothing of nothing')
    const before = Date.now()
    await store.add(A, bytesOf('abc'), 3)
    await store.add(B, bytesOf(), 0)
    const listed = await collectAll(store.list())
    const found = listed.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    t.equal(found.length, 2)
    t.match(found, [
      { id: A, size: 3, isWhole: true, location: store.locate(A) },
      { id: B, size: 0, isWhole: true, location: store.locate(B) },
    ])
    for (const { modifiedAt } of found) {
      t.ok(Math.abs(modifiedAt.getTime() - before) < HOUR_MS, 'and when it was written')
    }
    const [first] = found
    if (first !== undefined) await store.delete(first.location)
    t.strictSame(
      (await collectAll(store.list())).map(({ id }) => id),
      [B],
    )
    return [B]
  })

  check('a signal stops a listing', async (t, store) => {
    if (store.list === undefined) return []
    const reason = new Error('enough')
    await store.add(A, bytesOf('abc'), 3)
    await t.rejects(collectAll(store.list({ signal: AbortSignal.abort(reason) })), reason)
    return [A]
  })

  check('a location of its own is told from one of any other', async (t, store) => {
    t.ok(store.holds(store.locate(A)))
    const [scheme = ''] = store.schemes
    for (const url of [`${scheme}:///elsewhere/${A}`, `other:///${A}`, 'nothing', '']) {
      t.notOk(store.holds({ url }), url)
    }
    return []
  })

  check('an id that is not in the form of a UUID is refused', async (t, store) => {
    for (const id of [
      '',
      '.',
      '..',
      '../x',
      `../${A}`,
      `${A}/..`,
      `${A}\n`,
      `.${A}`,
      'a\0b',
      'ü',
    ]) {
      t.throws(() => store.locate(id), { code: 'invalid' }, JSON.stringify(id))
      await t.rejects(store.add(id, bytesOf('abc'), 3), { code: 'invalid' })
    }
    return []
  })

  check('recovery leaves whole images alone', async (t, store) => {
    await store.add(A, bytesOf('abc'), 3)
    await store.add(B, bytesOf(), 0)
    await store.recover()
    await store.recover()
    t.equal(await textOf(store, A), 'abc')
    return [A, B]
  })

  check('a big image takes no more memory than a small one', async (t, store) => {
    const size = 40 * MIB
    const most = 16 * MIB
    for (const declared of [true, false]) {
      const memory = new MemoryWatch(most)
      const data = memory.watch(patternedBytes(size))
      const { location } = await store.add(A, data, declared ? size : null)
      let read = 0
      for await (const chunk of memory.watch(await store.open(location))) read += chunk.length
      t.equal(read, size)
      t.ok(memory.peak < most, `${memory.peak} bytes at the most`)
      await store.delete(location)
    }
    return []
  })

  misfortunes(check, segment)

  check('a store that is full says so and keeps what it has', async (t, store, { whileFull }) => {
    if (whileFull === undefined) throw new Error('skip this case by its title, and say why')
    await store.add(A, bytesOf('abc'), 3)
    await whileFull(MIB, async () => {
      await t.rejects(store.add(B, patternedBytes(4 * MIB), 4 * MIB), { code: 'over_limit' })
      await t.rejects(store.add(B, patternedBytes(4 * MIB), null), { code: 'over_limit' })
    })
    t.equal(await textOf(store, A), 'abc')
    return [A]
  })
  for (const title of unseen) throw new TypeError(`the suite has no case '${title}'`)
}

async function textOf(store: Store, id: string): Promise<string> {
  return (await collect(await store.open(store.locate(id)))).toString()
}

async function* failing(error: Error): AsyncGenerator<Uint8Array, void> {
  yield* patternedBytes(MIB)
  throw error
}
