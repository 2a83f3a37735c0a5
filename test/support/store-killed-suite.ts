import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type RunningCommand, startProgram } from './command.ts'
import { bytesOf } from './images.ts'
import { run } from './program.ts'
import { soon } from './soon.ts'

/** A store that services put images into which are killed. */
export interface KilledStore {
  /** What `[glance_store]` has; the store is called `kept`. */
  readonly settings: readonly string[]
  /** The type of the store. */
  readonly type: string
  /** Bytes after which it begins another part. */
  readonly segment: number
  /** The names of all that it keeps: ids of images, those of segments, and what is left of writes, with an id in each. */
  readonly contents: () => Promise<readonly string[]>
  /** Waits for what a service had begun when it was killed, where that goes on without it. */
  readonly idle?: () => Promise<void>
}

/** Milliseconds that the uploads of a turn take, or nearly. */
const UPLOADS_MS = 600

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/
/** Of images that are there, and of their segments. */
const WHOLE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-\d{5})?$/

/**
 * That a service may be killed while images are uploaded: what it leaves in the store is gone once another has started
 * and somebody has looked for orphans. It is killed in the middle of uploads, and at so many moments of their course.
 */
export function storeKilledSuite(
  t: Test,
  title: string,
  start: (folder: string) => Promise<KilledStore>,
  times: number,
): void {
  t.test(`${title}: a service is killed in the middle of uploads`, async t => {
    const folder = t.testdir()
    const store = await start(folder)
    const service = await Killable.start(t, folder, store)
    const big = bytesOf(1, 3 * store.segment + 17)
    const kept = await service.create()
    await service.upload(kept, big)
    const half = 2 * store.segment + Math.floor(store.segment / 2)
    const ids: string[] = []
    const open = async (data: Buffer, sent: number, isKnown: boolean) => {
      const id = await service.create()
      service.begin(id, data.subarray(0, sent), isKnown ? data.length : null)
      ids.push(id)
      return id
    }
    await open(big.subarray(0, 1000), 500, true)
    const long = [await open(big, half, true), await open(big, half, false)]
    const deleted = await open(big, half, false)
    for (const id of ids) await service.untilStatus(id, 'saving')
    for (const id of [...long, deleted]) {
      while (!(await store.contents()).some(name => name.includes(id))) await soon()
    }
    await service.call('DELETE', `images/${deleted}`)
    await service.kill()

    await service.restart()
    for (const id of ids.filter(id => id !== deleted)) await service.untilStatus(id, 'queued')
    await service.scrub(t)
    await service.expectTidy(t, new Map([[kept, big]]))
    const other = bytesOf(2, store.segment + 3)
    for (const id of long) await service.upload(id, other)
    await service.expectTidy(
      t,
      new Map([
        [kept, big],
        [long[0] ?? '', other],
        [long[1] ?? '', other],
      ]),
    )
  })

  t.test(`${title}: a service is killed at any moment of uploads`, async t => {
    const folder = t.testdir()
    const store = await start(folder)
    const service = await Killable.start(t, folder, store)
    const images = new Map<string, Buffer>()
    for (let i = 0; i < times; i += 1) {
      const turn: (() => Promise<void>)[] = []
      for (const [n, size] of [1000, 2 * store.segment + i, 3 * store.segment + 17].entries()) {
        const data = bytesOf(3 * i + n, size)
        const id = await service.create()
        images.set(id, data)
        turn.push(async () => await service.upload(id, data, n === 2 ? null : size))
      }
      // What the kill makes of them is seen afterwards.
      const uploads = Promise.allSettled(turn.map(async upload => await upload()))
      await delay(((i + Math.random()) / times) * UPLOADS_MS)
      await service.kill()
      await uploads
      await service.restart()
      await service.scrub(t)
      await service.expectTidy(t, images)
    }
  })
}

/** A service that is a program of its own, so that it can be killed, and started again with all that it has. */
class Killable {
  readonly #config: string
  readonly #store: KilledStore
  #program: RunningCommand
  #url: string
  readonly #uploads = new Set<ClientRequest>()

  private constructor(config: string, store: KilledStore, program: RunningCommand, url: string) {
    this.#config = config
    this.#store = store
    this.#program = program
    this.#url = url
  }

  static async start(t: Test, folder: string, store: KilledStore): Promise<Killable> {
    const config = join(folder, 'glance-api.conf')
    const lines = [
      '[DEFAULT]',
      `data_dir = ${folder}/data`,
      `enabled_backends = kept:${store.type}`,
      '[glance_store]',
      'default_backend = kept',
      '[kept]',
      ...store.settings,
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    const service = new Killable(config, store, ...(await started(config)))
    t.teardown(async () => await service.kill())
    return service
  }

  async kill(): Promise<void> {
    this.#program.kill('SIGKILL')
    await this.#program.outcome
    for (const upload of this.#uploads) upload.destroy()
    this.#uploads.clear()
    await this.#store.idle?.()
  }

  async restart(): Promise<void> {
    ;[this.#program, this.#url] = await started(this.#config)
  }

  async call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#url}/v2/${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) // Always an object.
  }

  async create(): Promise<string> {
    const { id } = await this.call('POST', 'images', {
      disk_format: 'raw',
      container_format: 'bare',
    })
    return String(id)
  }

  /** Sends the first bytes of an upload of so many, or of nobody knows how many, and leaves it at that. */
  begin(id: string, data: Buffer, size: number | null): ClientRequest {
    const upload = request(`${this.#url}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/octet-stream',
        ...(size === null ? { 'transfer-encoding': 'chunked' } : { 'content-length': size }),
      },
    })
    upload.on('error', () => {}) // It is killed.
    upload.write(data)
    this.#uploads.add(upload)
    return upload
  }

  /** Rejects when the service ends before it has taken it all. */
  async upload(id: string, data: Buffer, size: number | null = data.length): Promise<void> {
    const upload = this.begin(id, data, size).end()
    const [answer] = (await once(upload, 'response')) as [{ statusCode: number; resume(): void }] // As documented.
    answer.resume()
    this.#uploads.delete(upload)
    if (answer.statusCode !== 204) throw new Error(`upload of ${id}: ${answer.statusCode}`)
  }

  async untilStatus(id: string, status: string): Promise<void> {
    while ((await this.call('GET', `images/${id}`))['status'] !== status) await soon()
  }

  /** Deletes what no image names. */
  async scrub(t: Test): Promise<void> {
    const words = ['scrub', '--config', this.#config, '--delete-orphans', 'kept', '--min-age', '0']
    t.match(await run(words), { status: 0, stderr: '' })
  }

  /** That the store has what active images name, with these bytes, and nothing else. */
  async expectTidy(t: Test, images: ReadonlyMap<string, Buffer>): Promise<void> {
    const active: string[] = []
    for (const [id, data] of images) {
      const { status } = await this.call('GET', `images/${id}`)
      if (status !== 'active') {
        t.equal(status, 'queued', 'an image has its data or waits for it')
        continue
      }
      active.push(id)
      const response = await fetch(`${this.#url}/v2/images/${id}/file`)
      t.ok(Buffer.from(await response.arrayBuffer()).equals(data), `${id} is what was sent`)
    }
    const names = await this.#store.contents()
    t.strictSame(
      names.filter(name => !WHOLE.test(name)),
      [],
      'nothing is left of writes that were cut off',
    )
    const ids = new Set(names.map(name => ID.exec(name)?.[0] ?? name))
    t.strictSame([...ids].toSorted(), active.toSorted(), 'and nothing of any other image')
  }
}

async function started(config: string): Promise<[RunningCommand, string]> {
  const program = await startProgram(['serve', '--port', '0', '--config', config])
  const line = await program.firstLine()
  return [program, line.replace('listening on ', '')]
}
