import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { bytesOf, idOf } from '../support/images.ts'
import { filesIn } from '../support/files.ts'
import { Embedded } from './support/embedded.ts'
import { connectionsTo, descriptorsOf, familyOf, median, memoryOf } from './support/processes.ts'
import {
  abandoned,
  commandLines,
  livecopies,
  pythonClient,
  type Traffic,
  wrk,
} from './support/soak-traffic.ts'
import { waitUntil } from './support/wait.ts'

/** How long the traffic goes on: `npm run soak` takes ten minutes, and any run of these tests as long as is needed for all
 * thirds to have some of everything. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 90)
/** How long each client is at it before anything is counted, so that what is opened and compiled once is. */
const WARM_UP_MS = 5000
/**
 * How much more memory the last third of the time may take than the second. In minutes the heaps and caches of a service
 * grow to what they stay at, so that a short soak only tells what grows by much.
 */
const MORE = SECONDS < 300 ? 1.25 : 1.1

/** Descriptors of the threads of two workers, which each starts when it first has need of one: up to four, of which each has four. */
const MOST_OF_THREADS = 2 * 4 * 4

t.test(`${SECONDS} seconds of everything that clients do`, async t => {
  const folder = t.testdir()
  for (const name of ['cache', 'images', 'staging', 'home']) mkdirSync(join(folder, name))
  await using service = await Embedded.start({
    settings: {
      workers: 2,
      keep_alive_timeout: 10, // So that connections which are kept for a next request end when there is none.
      image_cache_dir: join(folder, 'cache'),
      image_cache_max_size: 20_000_000,
      filesystem_store_datadir: join(folder, 'images'),
      node_staging_uri: `file://${folder}/staging`,
    },
  })
  await using other = await Embedded.start()
  const kept = [idOf(1), idOf(2), idOf(3)]
  for (const [n, id] of kept.entries()) {
    const formats = { disk_format: 'raw', container_format: 'bare' }
    await service.create({ id, name: `kept ${n}`, tags: ['kept'], ...formats })
    await service.uploadBytes(id, new Uint8Array(bytesOf(n, [3000, 40_000, 6_000_000][n] ?? 0)))
  }
  const traffic: Readonly<Record<string, Traffic>> = {
    'python-glanceclient v1': pythonClient(service, 1),
    'python-glanceclient v2': pythonClient(service, 2),
    'glance and openstack': commandLines(service, join(folder, 'home')),
    wrk: wrk(service, kept.slice(0, 2)),
    'clients that go away': abandoned(service, idOf(3)),
    livecopy: livecopies(service, other),
  }
  await downloadEverywhere(service)
  await runFor(WARM_UP_MS, traffic)
  const pids = familyOf(service.pid)
  const port = Number(new URL(service.url).port)
  const atRest = () => waitUntil('all connections end', () => connectionsTo(port) === 0)
  await atRest()
  const before = descriptorsOf(pids)

  const memory: number[] = []
  const sampling = setInterval(() => memory.push(memoryOf(pids)), 1000)
  const rounds = await runFor(SECONDS * 1000, traffic).finally(() => clearInterval(sampling))
  for (const [name, times] of rounds) {
    t.comment(`${name}: ${times}`)
    t.ok(times > 0, `${name} got on`)
  }

  t.strictSame(familyOf(service.pid), pids, 'no worker has ended')
  const third = Math.floor(memory.length / 3)
  const thirds = [0, 1, 2].map(n => median(memory.slice(n * third, (n + 1) * third)))
  const [, second = 0, last = 0] = thirds
  t.comment(
    `megabytes by time: ${every(memory, memory.length / 30)
      .map(megabytes)
      .join(' ')}`,
  )
  t.comment(`megabytes by thirds: ${thirds.map(megabytes).join(', ')}`)
  t.ok(last <= second * MORE, `memory stays: ${last} after ${second}`)
  await atRest()
  const more = besides(descriptorsOf(pids), before)
  t.strictSame(
    more.filter(name => !isOfThread(name)),
    [],
    'and so do descriptors',
  )
  t.ok(
    more.filter(isOfThread).length <= MOST_OF_THREADS,
    'but for threads that were not needed before',
  )

  const left = { images: kept, staging: [], 'cache/incomplete': [], 'cache/invalid': [] }
  for (const [name, files] of Object.entries(left)) {
    t.strictSame(filesIn(join(folder, name)).toSorted(), files, name)
  }
  t.ok(readdirSync(join(folder, 'cache')).length > 0)
  const { status, stderr } = await service.stop()
  t.match({ status, stderr }, { status: 0, stderr: '' }, 'nothing went wrong that nobody foresaw')
})

/** Many large images at once, so that each worker keeps a copy and starts the threads by which it checks that. */
async function downloadEverywhere(service: Embedded): Promise<void> {
  const ids = Array.from({ length: 8 }, (_, n) => idOf(100 + n))
  const data = new Uint8Array(bytesOf(1, 3_000_000))
  await Promise.all(
    ids.map(async id => {
      await service.create({ id, disk_format: 'raw', container_format: 'bare' })
      await service.uploadBytes(id, data)
      const answer = await fetch(`${service.url}/v2/images/${id}/file`)
      await answer.arrayBuffer()
      await service.expect(204, 'DELETE', `images/${id}`)
    }),
  )
}

/** Has all clients at work for a time; how often each did what it does. Rejects when it went wrong for one. */
async function runFor(
  ms: number,
  traffic: Readonly<Record<string, Traffic>>,
): Promise<ReadonlyMap<string, number>> {
  const over = new AbortController()
  const clients = Object.entries(traffic).map(
    async ([name, run]) => [name, await run(over.signal)] as const,
  )
  // Of one that has failed the others are told, so that all is at rest.
  const time = delay(ms, undefined, { signal: over.signal }).catch(() => {})
  await Promise.race([time, Promise.all(clients)]).catch(() => {})
  over.abort()
  await Promise.allSettled(clients)
  return new Map(await Promise.all(clients))
}

/** Whether something is of a kind that only threads have; clients, files and databases have others. */
function isOfThread(name: string): boolean {
  return name.startsWith('anon_inode:') || name === 'pipe'
}

/** What there is more of in one list than in another. */
function besides(list: readonly string[], other: readonly string[]): readonly string[] {
  const left = [...other]
  return list.filter(one => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** One in `step`, which need not be whole. */
function every(values: readonly number[], step: number): readonly number[] {
  return values.filter((_, n) => Math.floor(n / step) !== Math.floor((n - 1) / step))
}

function megabytes(size: number): string {
  return (size / 1e6).toFixed(1)
}
