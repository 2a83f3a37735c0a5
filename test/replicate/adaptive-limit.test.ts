import t from 'tap'
import { AdaptiveLimit } from '../../lib/replicate/adaptive-limit.ts'

/** How a service behaves, of which so many images are asked for at once. */
interface Service {
  /** Milliseconds that an image takes. */
  readonly imageMs: (atOnce: number) => number
  /** Milliseconds that a small request takes. Default: a fifth of an image. */
  readonly answerMs?: (atOnce: number) => number
  /** Images at once from which on some are refused. */
  readonly refusesAt?: number
}

/** One whose time is all latency until so many are at work, which then share what it has. */
function serving(workers: number, latencyMs = 100): Service {
  return { imageMs: atOnce => latencyMs * Math.max(1, atOnce / workers) }
}

/** A run of small images, by a clock that goes only here. */
class Run {
  readonly changes: { limit: number; why: string }[] = []
  readonly limit: AdaptiveLimit
  #time = 0

  constructor(most = 64, start = 4) {
    const onChange = (limit: number, why: string) => void this.changes.push({ limit, why })
    this.limit = new AdaptiveLimit({ most, start, now: () => this.#time, onChange })
  }

  /** `waiting`: how many images there are at any time, under way or not. */
  copy(images: number, service: Service, { bytes = 4096, waiting = 1000 } = {}): void {
    for (let i = 0; i < images; i += 1) {
      const atOnce = Math.min(this.limit.limit, waiting)
      const imageMs = service.imageMs(atOnce)
      this.#time += imageMs / atOnce
      if (atOnce >= (service.refusesAt ?? Infinity)) this.limit.busy()
      this.limit.answered(service.answerMs?.(atOnce) ?? imageMs / 5)
      this.limit.copied(bytes)
      this.limit.done(waiting)
    }
  }
}

t.test('more images are copied at once as long as that is faster', async t => {
  const run = new Run()
  run.copy(3000, serving(1000))
  t.equal(run.limit.limit, 64, 'all that may be')
  t.match(run.changes[0], { limit: 6, why: 'to see whether more is faster' })
  t.match(run.changes[1], { limit: 9, why: 'more is faster' })
})

t.test('where more is no faster it stays at what was', async t => {
  for (const workers of [1, 4, 10, 32]) {
    const run = new Run()
    run.copy(10_000, serving(workers))
    const { limit, highest } = run.limit
    t.ok(limit >= Math.min(workers, 4) && limit <= workers * 1.6 + 4, `${workers}: ${limit}`)
    t.ok(highest <= workers * 2.5 + 4, `${workers}: at most ${highest}`)
    t.match(run.changes.at(-1), { why: /more is/ })
  }
})

t.test('a service that has become faster is found out', async t => {
  const run = new Run()
  run.copy(2000, serving(4))
  t.ok(run.limit.limit < 10, String(run.limit.limit))
  run.copy(20_000, serving(1000))
  t.equal(run.limit.limit, 64)
})

t.test('a service that is too busy gets half as many', async t => {
  const run = new Run()
  run.copy(3000, { ...serving(1000), refusesAt: 20 })
  t.ok(run.changes.some(({ limit, why }) => limit < 14 && why === 'a server is busy'))
  t.ok(run.limit.limit < 20 && run.limit.limit >= 4, String(run.limit.limit))
})

t.test('of many refusals at once the first counts, and later ones again', async t => {
  const run = new Run(64, 16)
  for (let i = 0; i < 16; i += 1) run.limit.busy()
  t.equal(run.limit.limit, 8)
  run.copy(100, serving(8))
  run.limit.busy()
  t.equal(run.limit.limit, 4)
  for (let i = 0; i < 20; i += 1) {
    run.limit.busy()
    run.copy(20, serving(1))
  }
  t.ok(run.changes.some(({ limit }) => limit === 1))
  t.ok(
    run.changes.every(({ limit }) => limit >= 1),
    'one at least',
  )
})

t.test('a service that takes longer and is no faster for it gets fewer', async t => {
  const run = new Run()
  run.copy(2000, serving(16))
  const before = run.limit.limit
  run.copy(200, serving(4))
  const slowed = run.changes.findIndex(({ why }) => why === 'requests take longer')
  t.ok(slowed > 0 && (run.changes[slowed]?.limit ?? 99) < before, JSON.stringify(run.changes))
})

t.test('large images count by their bytes', async t => {
  const run = new Run()
  // Each takes a minute, and all together a line of so many bytes in a millisecond.
  for (let second = 0; second < 100; second += 1) {
    const perSecond = Math.min(run.limit.limit * 17, 200) * 1024 ** 2
    run.copy(1, { imageMs: atOnce => 1000 * atOnce }, { bytes: perSecond })
  }
  t.ok(run.limit.highest >= 12, String(run.limit.highest))
  t.ok(run.limit.limit <= 27, `${run.limit.limit}: a line that is full is not filled further`)
})

t.test('where there is nothing more to be begun, more is not tried', async t => {
  const run = new Run()
  run.copy(1000, serving(1000), { waiting: 3 })
  t.strictSame(run.changes, [])
})
