import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { startProgram, type RunningCommand } from '../support/command.ts'
import { filesIn } from '../support/files.ts'
import { bytesOf } from '../support/images.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'

/** How often the service is killed. */
const TIMES = 100
/** Milliseconds of work after which it is, at the most: from its start, or from its first answers. */
const WORK_MS = 300
/** Bytes of an image at the most. */
const LARGEST = 400_000
/** Images that are left for the next time, so that it has something to read and to delete. */
const LEFT = 6
/** CRASH_SEED gives the same moments and images again, as far as the machine lets it. */
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 2 ** 31)

const OCTETS = { 'content-type': 'application/octet-stream' }

type Document = Readonly<Record<string, unknown>>

/** What a client knows of its image. */
interface Known {
  readonly data: Buffer
  /** What was answered last; a request that was not answered may have been carried out, or not. */
  said: 'nothing' | 'stored' | 'deleted'
  isBeingDeleted: boolean
}

t.test(`a service is killed at ${TIMES} moments of its work (seed ${SEED})`, async t => {
  const random = randomFrom(SEED)
  const folder = t.testdir()
  const [images, staging] = [join(folder, 'images'), join(folder, 'staging')]
  for (const path of [images, staging]) mkdirSync(path)
  const known = new Map<string, Known>()
  const remote = await startListener(t, ({ url = '' }, response) => {
    const [, seed, size] = url.split('/')
    response.end(bytesOf(Number(seed), Number(size)))
  })
  const config = join(folder, 'glance-api.conf')
  writeFileSync(
    config,
    `[DEFAULT]
data_dir = ${folder}/data
enabled_backends = kept:file
node_staging_uri = file://${staging}
enabled_import_methods = [glance-direct,web-download]
[glance_store]
default_backend = kept
[kept]
filesystem_store_datadir = ${images}
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
`,
  )

  let program: RunningCommand | undefined
  let url = ''
  t.teardown(async () => await program?.[Symbol.asyncDispose]())
  const start = async () => {
    program = await startProgram(['serve', '--port', '0', '--config', config])
    url = (await program.firstLine()).replace('listening on ', '')
  }
  const kill = async () => {
    program?.kill('SIGKILL')
    const { stderr = '' } = (await program?.outcome) ?? {}
    t.notMatch(stderr, /Error:/, 'and met nothing that nobody foresaw')
  }
  const ask = async (method: string, path: string, body?: string | Uint8Array, headers = {}) => {
    const sent = body instanceof Uint8Array ? new Uint8Array(body) : body
    const given = sent === undefined ? {} : { body: sent }
    return await fetch(`${url}/v2/images${path}`, { method, headers, ...given })
  }
  const json = async (path: string) => (await (await ask('GET', path)).json()) as Document // As documented.

  /** Gives one image its data, in one of the ways that there are. */
  const fill = async () => {
    const [seed, size] = [Math.floor(random() * 1000), Math.floor(random() * LARGEST)]
    const way = Math.floor(random() * 4)
    const data = bytesOf(seed, size)
    const created = await ask('POST', '', '{"disk_format":"raw","container_format":"bare"}')
    const { id } = (await created.json()) as { readonly id: string } // As documented.
    const image: Known = { data, said: 'nothing', isBeingDeleted: false }
    known.set(id, image)
    const begin = (method: object) => ask('POST', `/${id}/import`, JSON.stringify({ method }))
    if (way === 0) {
      if ((await ask('PUT', `/${id}/file`, data, OCTETS)).status === 204) image.said = 'stored'
    } else if (way === 1) {
      const body = new Blob([data]).stream()
      const sent = { method: 'PUT', headers: OCTETS, body, duplex: 'half' } as RequestInit // Types lag behind.
      const { status } = await fetch(`${url}/v2/images/${id}/file`, sent)
      if (status === 204) image.said = 'stored'
    } else if (way === 2) {
      await ask('PUT', `/${id}/stage`, data, OCTETS)
      await begin({ name: 'glance-direct' })
    } else {
      await begin({ name: 'web-download', uri: `${remote}/${seed}/${size}` })
    }
  }
  const stored = () => [...known].filter(([, image]) => image.said === 'stored')
  const read = async () => {
    const [id, image] = stored()[Math.floor(random() * stored().length)] ?? []
    if (id === undefined || image === undefined) return void (await ask('GET', ''))
    const answer = await ask('GET', `/${id}/file`)
    const data = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 200) t.ok(data.equals(image.data), `${id} is read whole`)
  }
  const remove = async () => {
    const [id, image] = stored()[0] ?? []
    if (id === undefined || image === undefined) return void (await ask('GET', ''))
    image.said = 'nothing'
    image.isBeingDeleted = true
    if ((await ask('DELETE', `/${id}`)).status === 204) image.said = 'deleted'
  }
  /** Goes on with it until the service is gone. */
  const client = async (work: () => Promise<void>) => {
    try {
      for (;;) await work()
    } catch {
      // It was killed.
    }
  }

  const check = async (moment: string) => {
    const { images: listed } = await json('?limit=1000')
    const found = new Map((listed as Document[]).map(image => [String(image['id']), image])) // As documented.
    const names: string[] = []
    const staged: string[] = []
    const problems: string[] = []
    for (const [id, { data, said, isBeingDeleted }] of known) {
      const image = found.get(id)
      const status = image === undefined ? 'deleted' : String(image['status'])
      if (status === 'uploading') staged.push(id)
      if (status === 'active') {
        names.push(id)
        const answer = await ask('GET', `/${id}/file`)
        if (!Buffer.from(await answer.arrayBuffer()).equals(data))
          problems.push(`${id}: other data`)
        const hash = createHash('sha512').update(data).digest('hex')
        if (image?.['os_hash_value'] !== hash) problems.push(`${id}: another digest`)
        if (said === 'deleted') problems.push(`${id} was deleted`)
      } else if (said === 'stored') {
        problems.push(`${id} was stored, and is ${status}`)
      } else if (status === 'deleted' ? !isBeingDeleted : !WAITING.has(status)) {
        problems.push(`${id} is ${status}`)
      }
    }
    t.strictSame(problems, [], moment)
    return { names, staged }
  }

  /** Images whose deletion may have been cut off: they are gone, and their data is there until somebody looks for it. */
  const orphans = new Set<string>()
  const namesIn = (path: string) =>
    filesIn(path)
      .filter(id => !orphans.has(id))
      .toSorted()

  let whole = 0
  let waiting = 0
  await start()
  for (let time = 0; time < TIMES; time += 1) {
    let tell = () => {}
    const begun = new Promise<void>(resolve => (tell = resolve))
    const telling = async () => await fill().then(tell)
    const work = [telling, fill, fill, fill, read, remove].map(client)
    const ms = Math.round(random() * WORK_MS)
    // Every other time once an image has been dealt with: a service that has just started is slow.
    if (time % 2 === 1) await begun
    await delay(ms)
    await kill()
    await Promise.all(work)
    await start()
    const { names, staged } = await check(`killed after ${ms} ms`)
    for (const [id, { isBeingDeleted }] of known) if (isBeingDeleted) orphans.add(id)
    t.strictSame(namesIn(images), names.filter(id => !orphans.has(id)).toSorted())
    t.strictSame(namesIn(staging), staged.filter(id => !orphans.has(id)).toSorted())
    whole += names.length
    waiting += known.size - names.length
    const kept = new Set(names.slice(0, LEFT))
    for (const id of [...names, ...staged]) if (!kept.has(id)) await ask('DELETE', `/${id}`)
    for (const [id, image] of known) {
      if (!kept.has(id)) known.delete(id)
      else Object.assign(image, { said: 'stored', isBeingDeleted: false })
    }
  }
  await kill()
  t.ok(waiting > 0, `${waiting} were cut off`)
  t.ok(whole > 0, `${whole} were whole`)

  const scrub = ['scrub', '--config', config, '--delete-orphans', 'kept', '--min-age', '0']
  t.match(await run(scrub), { status: 0, stderr: '' })
  await start()
  t.strictSame(filesIn(images).toSorted(), [...known.keys()].toSorted(), 'nothing is left over')
})

/** What an image that has no data may be; `uploading` when it is staged, and nobody has asked for its import. */
const WAITING = new Set(['queued', 'uploading'])

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
