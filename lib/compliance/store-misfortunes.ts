import { isGlanceError, messageOf } from '../errors.ts'
import type { Location, Store } from '../store/store.ts'
import { bytesOf, collect, collectAll, patternedBytes } from './bytes.ts'
import { A, B, type CheckStore } from './store-suite.ts'

/** What may go wrong where data is kept in segments of so many bytes, and what a crash leaves behind. */
export function misfortunes(check: CheckStore, segment: number): void {
  for (const [title, size] of [
    ['a byte less than a segment', segment - 1],
    ['exactly a segment', segment],
    ['a byte more than a segment', segment + 1],
    ['exactly three segments', 3 * segment],
    ['three segments and a byte', 3 * segment + 1],
  ] as const) {
    for (const declared of [true, false]) {
      check(`${title}, of ${declared ? 'known' : 'unknown'} size`, async (t, store) => {
        const whole = await collect(patternedBytes(size))
        const added = await store.add(A, patternedBytes(size), declared ? size : null)
        t.equal(added.size, size)
        t.equal(await store.size(added.location), size)
        t.ok((await collect(await store.open(added.location))).equals(whole), 'reads the same')
        for (const [offset, length] of [
          [0, size],
          [segment - 2, Math.min(4, size - segment + 2)],
          [size - 1, 1],
          [Math.floor(size / 2), size - Math.floor(size / 2)],
        ] as const) {
          const part = await collect(await store.open(added.location, { offset, length }))
          t.ok(part.equals(whole.subarray(offset, offset + length)), `${length} from ${offset}`)
        }
        await store.delete(added.location)
        return []
      })
    }
  }

  for (const declared of [true, false]) {
    const size = declared ? 'known' : 'unknown'
    check(
      `a stream of ${size} size that breaks in the third segment leaves none`,
      async (t, store) => {
        const broken = new Error('broken')
        const data = async function* () {
          yield* patternedBytes(2 * segment + 5)
          throw broken
        }
        await t.rejects(store.add(A, data(), declared ? 4 * segment : null), broken)
        await store.add(A, bytesOf('abc'), 3)
        t.equal((await collect(await store.open(store.locate(A)))).toString(), 'abc')
        return [A]
      },
    )
  }

  check('a signal in the third segment stops a write and leaves none', async (t, store) => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const data = async function* () {
      yield* patternedBytes(2 * segment + 5)
      controller.abort(reason)
      yield* patternedBytes(segment)
    }
    const { signal } = controller
    await t.rejects(store.add(A, data(), 4 * segment, { signal }), reason)
    return []
  })

  check('what is in segments is listed once, with all of its bytes', async (t, store) => {
    if (store.list === undefined) return []
    const size = 2 * segment + 3
    const { location } = await store.add(A, patternedBytes(size), null)
    const listed = await collectAll(store.list())
    t.strictSame(
      listed.map(({ id, location, size, isWhole }) => ({ id, location, size, isWhole })),
      [{ id: A, location, size, isWhole: true }],
    )
    await store.delete(location)
    t.strictSame(await collectAll(store.list()), [])
    return []
  })

  check(
    'of two writers of one image in segments, one wins, and nothing is mixed',
    async (t, store) => {
      const size = 2 * segment + 3
      const sources = [patternedBytes(size), inverted(size)]
      const results = await Promise.allSettled(sources.map(data => store.add(A, data, null)))
      const winner = results.findIndex(({ status }) => status === 'fulfilled')
      t.match(results[1 - winner], { status: 'rejected', reason: { code: 'duplicate' } })
      const wanted = await collect(winner === 0 ? patternedBytes(size) : inverted(size))
      t.ok((await collect(await store.open(store.locate(A)))).equals(wanted))
      return [A]
    },
  )

  check('recovery removes what a crash left of a write', async (t, store, { cutOff }) => {
    if (cutOff === undefined) throw new Error('skip this case by its title, and say why')
    await cutOff(A)
    await store.recover()
    await t.rejects(store.size(store.locate(A)), { code: 'not_found' })
    await store.add(A, bytesOf('abc'), 3)
    t.equal((await collect(await store.open(store.locate(A)))).toString(), 'abc')
    return [A]
  })

  check('what a crash left of a write is listed, and deleted', async (t, store, { cutOff }) => {
    if (store.list === undefined || cutOff === undefined) return []
    await store.add(B, bytesOf('abc'), 3)
    await cutOff(A)
    const left = (await collectAll(store.list())).filter(({ id }) => id === A)
    t.ok(left.length > 0, 'it is told of')
    t.notOk(left.some(({ isWhole }) => isWhole))
    for (const { location } of left) await deleteAnyway(store, location)
    t.strictSame(
      (await collectAll(store.list())).map(({ id }) => id),
      [B],
    )
    return [B]
  })

  check('no message has the credentials of a location', async (t, store) => {
    for (const scheme of store.schemes) {
      const at = { url: `${scheme}://me:open-sesame@127.0.0.1:1/v1/container/${A}` }
      for (const [name, work] of callsOf(store, at.url)) {
        const message = await work().then(
          () => 'nothing wrong',
          (error: unknown) => messageOf(error),
        )
        t.notOk(message.includes('open-sesame'), `${scheme}: ${name}`)
      }
    }
    return []
  })
}

/** Deletes what is left of a write; that there was no more than that is said by `not_found`. */
async function deleteAnyway(store: Store, at: Location): Promise<void> {
  await store.delete(at).catch((error: unknown) => {
    if (!isGlanceError(error, 'not_found')) throw error
  })
}

function callsOf(
  store: Store,
  url: string,
): readonly (readonly [string, () => Promise<unknown>])[] {
  return [
    ['open', () => store.open({ url })],
    ['size', () => store.size({ url })],
    ['delete', () => store.delete({ url })],
  ]
}

async function* inverted(size: number): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of patternedBytes(size)) yield chunk.map(byte => 255 - byte)
}
