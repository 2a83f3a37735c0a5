import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import t from 'tap'
import { Crashing } from './support/crashing.ts'
import { familyOf } from './support/processes.ts'

/** How often services are killed, and how many of them there are side by side, since each waits more than it works. */
const TIMES = 100
const SERVICES = 4
/** Milliseconds of work after which one is, at the most: from its start, or from its first answers. */
const WORK_MS = 300
/** How often a service whose workers are killed is killed as a whole; more of them in a row would be too many for it. */
const WHOLE = 4
/** CRASH_SEED gives the same moments and images again, as far as the machine lets it. */
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 2 ** 31)

t.test(`services are killed at ${TIMES} moments of their work (seed ${SEED})`, async t => {
  const folder = t.testdir()
  const found = await Promise.all(
    Array.from({ length: SERVICES }, async (_, n) => {
      const random = randomFrom(SEED + n)
      const workers = n === 0 ? 2 : 0
      const service = await Crashing.start(t, join(folder, String(n)), { random, workers })
      return await crashes(service, { random, workers, times: TIMES / SERVICES })
    }),
  )
  const whole = found.reduce((sum, one) => sum + one.whole, 0)
  const waiting = found.reduce((sum, one) => sum + one.waiting, 0)
  t.ok(waiting > 0, `${waiting} were cut off`)
  t.ok(whole > 0, `${whole} were whole`)
})

interface Course {
  readonly random: () => number
  readonly workers: number
  readonly times: number
}

/** Kills a service, or one of its workers, so many times. */
async function crashes(service: Crashing, { random, workers, times }: Course) {
  const all = { whole: 0, waiting: 0 }
  for (let time = 0; time < times; time += 1) {
    const isWhole = workers === 0 || time % WHOLE === WHOLE - 1
    const over = new AbortController()
    let tell = () => {}
    const begun = new Promise<void>(resolve => (tell = resolve))
    const work = service.work(over.signal, tell)
    const ms = Math.round(random() * WORK_MS)
    // Every other time once an image has been dealt with: a service that has just started is slow.
    if (time % 2 === 1) await begun
    await delay(ms)
    if (isWhole) await service.kill()
    else process.kill(oneOf(familyOf(service.pid).slice(1), random), 'SIGKILL')
    over.abort()
    await work
    if (isWhole) await service.start()
    const { whole, waiting } = await service.check(
      `${isWhole ? 'killed' : 'a worker killed'} after ${ms} ms`,
    )
    all.whole += whole
    all.waiting += waiting
  }
  await service.kill()
  return all
}

function oneOf(pids: readonly number[], random: () => number): number {
  const pid = pids[Math.floor(random() * pids.length)]
  if (pid === undefined) throw new Error('there is no worker')
  return pid
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}
