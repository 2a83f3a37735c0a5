import { setTimeout as delay } from 'node:timers/promises'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startProgram } from './command.ts'
import { bytesOf, imageOf } from './images.ts'
import { run } from './program.ts'
import { startTestServer, type TestServer } from './server.ts'
import { type Stored, startUnruly } from './unruly.ts'

/** Milliseconds that the program takes to start, and then for these images, or nearly. */
const START_MS = 250
const RUN_MS = 750

const IMAGES: readonly Stored[] = Array.from({ length: 6 }, (_, i) => {
  const data = bytesOf(i, 400_000 * (i + 1))
  return { image: imageOf(i + 1, data), data }
})

/** The same, the first of which names the last, which gets its id on the target long after it. */
const NAMING: readonly Stored[] = IMAGES.map(({ image, data }, i) => {
  const properties = new Map(i === 0 ? [['kernel_id', IMAGES.at(-1)?.image.id ?? '']] : [])
  return { image: { ...image, properties }, data }
})

/** That a run is safe to kill: each command is killed so many `times`, at moments spread over a run. */
export function killedSuite(t: Test, times: number): void {
  t.test('a livecopy is killed at any moment: the next run completes it', async t => {
    const source = await startUnruly(t, IMAGES)
    for (const moment of moments(times)) {
      const target = await startTestServer(t)
      await kill(['livecopy', '--bandwidth', '20M', source.url, target.url], moment)
      // What the killed one still sends has to be seen to be over, as any other run would wait for it.
      const { status, stderr } = await run(['livecopy', '--attempts', '6', source.url, target.url])
      t.equal(status, 0, `killed after ${moment} ms`, { stderr })
      t.match(await run(['compare', source.url, target.url]), { status: 0 })
      t.strictSame(
        await statuses(target),
        Array(IMAGES.length).fill('active'),
        'and nothing besides',
      )
    }
  })

  t.test(
    'an apply is killed at any moment: the next completes it, and knows what was done',
    async t => {
      const source = await startUnruly(t, IMAGES)
      for (const moment of moments(times)) {
        const target = await startTestServer(t)
        const plan = join(t.testdir(), 'plan')
        await run(['livecopy', '--save-plan', plan, source.url, target.url])
        await kill(['apply', '--bandwidth', '20M', plan], moment)
        const { status, stderr } = await run(['apply', '--attempts', '6', plan])
        t.equal(status, 0, `killed after ${moment} ms`, { stderr })
        t.match(await run(['compare', source.url, target.url]), { status: 0 })
        t.match(await run(['apply', plan]), { status: 0, stdout: /6 the same/ })
      }
    },
  )

  t.test('a livecopy under new ids is killed at any moment: no image has two copies', async t => {
    const source = await startUnruly(t, NAMING)
    for (const moment of moments(times)) {
      const target = await startTestServer(t)
      for (const { image } of NAMING) {
        await target.create({ id: image.id })
        await target.call('DELETE', `/v2/images/${image.id}`)
      }
      const map = join(t.testdir(), 'ids')
      const words = ['--on-conflict', 'new-id', '--id-map', map, source.url, target.url]
      await kill(['livecopy', '--bandwidth', '20M', ...words], moment)
      const { status, stderr } = await run(['livecopy', '--attempts', '6', ...words])
      t.equal(status, 0, `killed after ${moment} ms`, { stderr })
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
    }
  })

  for (const { title, streams } of [
    { title: 'a dump', streams: [] },
    { title: 'a dump in ranges', streams: ['--streams', '3', '--streams-cutoff', '1M'] },
  ]) {
    t.test(`${title} is killed at any moment: the next run completes it`, async t => {
      const source = await startUnruly(t, IMAGES)
      const names = [
        ...IMAGES.flatMap(({ image: { id } }) => [id, `${id}.img`]),
        'MANIFEST',
      ].toSorted()
      for (const moment of moments(times)) {
        const folder = t.testdir()
        const words = ['dump', ...streams, source.url, folder]
        await kill([...words, '--bandwidth', '20M', '-c', '10000'], moment)
        const { status, stderr } = await run(words)
        t.equal(status, 0, `killed after ${moment} ms`, { stderr })
        t.strictSame((await readdir(folder)).toSorted(), names, 'no partial file is left')
        for (const { image, data } of IMAGES) {
          t.ok((await readFile(join(folder, `${image.id}.img`))).equals(data))
        }
      }
    })
  }
}

/** Spread over a run, and not the same in two of them. */
function moments(times: number): readonly number[] {
  return Array.from({ length: times }, (_, i) =>
    Math.round(START_MS + ((i + Math.random()) / times) * RUN_MS),
  )
}

async function kill(words: readonly string[], afterMs: number): Promise<void> {
  await using program = await startProgram(words)
  await delay(afterMs)
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
