import { setTimeout as delay } from 'node:timers/promises'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pLimit from 'p-limit'
import type { Test } from 'tap'
import { startProgram } from './command.ts'
import { bytesOf, imageOf } from './images.ts'
import { run } from './program.ts'
import { startTestServer, type TestServer } from './server.ts'
import { type Stored, startUnruly, type UnrulyServer } from './unruly.ts'

/** Milliseconds that the program takes to get to the first data, and from there on for these images, or nearly. */
const START_MS = 500
const RUN_MS = 500

const IMAGES: readonly Stored[] = Array.from({ length: 6 }, (_, i) => {
  const data = bytesOf(i, 400_000 * (i + 1))
  return { image: imageOf(i + 1, data), data }
})

/** The same, the first of which names the last, which gets its id on the target long after it. */
const NAMING: readonly Stored[] = IMAGES.map(({ image, data }, i) => {
  const properties = new Map(i === 0 ? [['kernel_id', IMAGES.at(-1)?.image.id ?? '']] : [])
  return { image: { ...image, properties }, data }
})

/**
 * That a run is safe to kill: each command is killed so many `times`, at moments spread over a run, and `atOnce` of them
 * at a time, which wait more than they work.
 */
export function killedSuite(t: Test, times: number, atOnce: number): void {
  const each = async (work: (moment: Moment) => Promise<void>) => {
    const limit = pLimit(atOnce)
    await Promise.all(
      moments(times).map(async moment => await limit(async () => await work(moment))),
    )
  }

  t.test('a livecopy is killed at any moment: the next run completes it', async t => {
    await each(async moment => {
      const source = await startUnruly(t, IMAGES)
      const target = await startTestServer(t)
      const words = ['livecopy', '--bandwidth', '20M', source.url, target.url]
      await kill(words, source, IMAGES, moment)
      // What the killed one still sends has to be seen to be over, as any other run would wait for it.
      const { status, stderr } = await run(['livecopy', '--attempts', '6', source.url, target.url])
      t.equal(status, 0, told(moment), { stderr })
      t.match(await run(['compare', source.url, target.url]), { status: 0 })
      t.strictSame(
        await statuses(target),
        Array(IMAGES.length).fill('active'),
        'and nothing besides',
      )
    })
  })

  t.test(
    'an apply is killed at any moment: the next completes it, and knows what was done',
    async t => {
      const folder = t.testdir()
      await each(async moment => {
        const source = await startUnruly(t, IMAGES)
        const target = await startTestServer(t)
        const plan = join(folder, `plan ${moment.number}`)
        await run(['livecopy', '--save-plan', plan, source.url, target.url])
        await kill(['apply', '--bandwidth', '20M', plan], source, IMAGES, moment)
        const { status, stderr } = await run(['apply', '--attempts', '6', plan])
        t.equal(status, 0, told(moment), { stderr })
        t.match(await run(['compare', source.url, target.url]), { status: 0 })
        t.match(await run(['apply', plan]), { status: 0, stdout: /6 the same/ })
      })
    },
  )

  t.test('a livecopy under new ids is killed at any moment: no image has two copies', async t => {
    const folder = t.testdir()
    await each(async moment => {
      const source = await startUnruly(t, NAMING)
      const target = await startTestServer(t)
      for (const { image } of NAMING) {
        await target.create({ id: image.id })
        await target.call('DELETE', `/v2/images/${image.id}`)
      }
      const map = join(folder, `ids ${moment.number}`)
      const words = ['--on-conflict', 'new-id', '--id-map', map, source.url, target.url]
      await kill(['livecopy', '--bandwidth', '20M', ...words], source, NAMING, moment)
      const { status, stderr } = await run(['livecopy', '--attempts', '6', ...words])
      t.equal(status, 0, told(moment), { stderr })
      t.match(await run(['compare', '--two-way', '--id-map', map, source.url, target.url]), {
        status: 0,
        stdout: /^0 images missing .*, 0 different, 6 the same\n$/,
      })
      const lines = (await readFile(map, 'utf8')).trim().split('\n')
      const entries = lines.map(line => JSON.parse(line) as { source: string; target: string }) // As documented.
      const ids = (found: readonly { id: unknown }[]) =>
        found.map(({ id }) => String(id)).toSorted()
      t.strictSame(
        entries.map(entry => entry.source).toSorted(),
        ids(NAMING.map(({ image }) => image)),
        'each image got an id, once',
      )
      t.strictSame(
        entries.map(entry => entry.target).toSorted(),
        ids(await listed(target)),
        'and nothing is there besides',
      )
    })
  })

  for (const { title, streams } of [
    { title: 'a dump', streams: [] },
    { title: 'a dump in ranges', streams: ['--streams', '3', '--streams-cutoff', '1M'] },
  ]) {
    t.test(`${title} is killed at any moment: the next run completes it`, async t => {
      const parent = t.testdir()
      const names = [
        ...IMAGES.flatMap(({ image: { id } }) => [id, `${id}.img`]),
        'MANIFEST',
      ].toSorted()
      await each(async moment => {
        const source = await startUnruly(t, IMAGES)
        const folder = join(parent, String(moment.number))
        await mkdir(folder)
        const words = ['dump', ...streams, source.url, folder]
        await kill([...words, '--bandwidth', '20M', '-c', '10000'], source, IMAGES, moment)
        const { status, stderr } = await run(words)
        t.equal(status, 0, told(moment), { stderr })
        t.strictSame((await readdir(folder)).toSorted(), names, 'no partial file is left')
        for (const { image, data } of IMAGES) {
          t.ok((await readFile(join(folder, `${image.id}.img`))).equals(data))
        }
      })
    })
  }
}

/** When a run is killed: so many milliseconds after its start, or after it asked for the first data. */
interface Moment {
  readonly number: number
  readonly after: 'start' | 'data'
  readonly ms: number
}

/** Spread over a run, one in four before there is any data, and not the same in two of them. */
function moments(times: number): readonly Moment[] {
  const early = Math.ceil(times / 4)
  return Array.from({ length: times }, (_, number) => {
    const isEarly = number < early
    const at = isEarly
      ? ((number + Math.random()) / early) * START_MS
      : ((number - early + Math.random()) / (times - early)) * RUN_MS
    return { number, after: isEarly ? 'start' : 'data', ms: Math.round(at) }
  })
}

function told({ after, ms }: Moment): string {
  return `killed ${ms} ms after its ${after === 'start' ? 'start' : 'first data'}`
}

/** Runs the program until the moment has come, or it has come to its end before. */
async function kill(
  words: readonly string[],
  source: UnrulyServer,
  images: readonly Stored[],
  { after, ms }: Moment,
): Promise<void> {
  const begun = new Promise<void>(resolve => {
    source.serve(images, () => {
      resolve()
      return {}
    })
  })
  await using program = await startProgram(words)
  if (after === 'data') await Promise.race([begun, program.outcome])
  await delay(ms)
  program.kill('SIGKILL')
}

async function statuses(server: TestServer): Promise<readonly unknown[]> {
  return (await listed(server)).map(({ status }) => status)
}

async function listed(server: TestServer) {
  const { json } = await server.call('GET', '/v2/images?visibility=all&limit=100')
  const hidden = await server.call('GET', '/v2/images?visibility=all&os_hidden=true')
  // Lists, both.
  return [json['images'], hidden.json['images']].flat() as { id: unknown; status: unknown }[]
}
