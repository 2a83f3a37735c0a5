import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type RunningCommand, startProgram } from '../../support/command.ts'
import { filesIn } from '../../support/files.ts'
import { bytesOf } from '../../support/images.ts'
import { startListener } from '../../support/listener.ts'
import { waitUntil } from './wait.ts'

/** Bytes of an image at the most. */
const LARGEST = 400_000
/** Images that are left for the next time, so that it has something to read and to delete. */
const LEFT = 6

const OCTETS = { 'content-type': 'application/octet-stream' }

type Document = Readonly<Record<string, unknown>>

/** What a client knows of its image. */
interface Known {
  readonly data: Buffer
  /** What was answered last; a request that was not answered may have been carried out, or not. */
  said: 'nothing' | 'stored' | 'deleted'
  isBeingDeleted: boolean
}

/** What is there after a crash. */
export interface Found {
  /** How many images are whole, and how many wait for their data again or are gone. */
  readonly whole: number
  readonly waiting: number
}

/** A service that is killed while clients are at work, and looked at afterwards. */
export class Crashing {
  readonly #t: Test
  readonly #random: () => number
  readonly #config: string
  readonly #images: string
  readonly #staging: string
  readonly #remote: string
  readonly #known = new Map<string, Known>()
  #program: RunningCommand | undefined
  #url = ''

  private constructor(t: Test, random: () => number, folder: string, remote: string) {
    this.#t = t
    this.#random = random
    this.#config = join(folder, 'glance-api.conf')
    this.#images = join(folder, 'images')
    this.#staging = join(folder, 'staging')
    this.#remote = remote
  }

  static async start(
    t: Test,
    folder: string,
    { random, workers }: { readonly random: () => number; readonly workers: number },
  ): Promise<Crashing> {
    const remote = await startListener(t, ({ url = '' }, response) => {
      const [, seed, size] = url.split('/')
      response.end(bytesOf(Number(seed), Number(size)))
    })
    mkdirSync(folder)
    const crashing = new Crashing(t, random, folder, remote)
    for (const path of [crashing.#images, crashing.#staging]) mkdirSync(path)
    writeFileSync(
      crashing.#config,
      `[DEFAULT]
workers = ${workers}
data_dir = ${folder}/data
enabled_backends = kept:file
node_staging_uri = file://${crashing.#staging}
enabled_import_methods = [glance-direct,web-download]
[glance_store]
default_backend = kept
[kept]
filesystem_store_datadir = ${crashing.#images}
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
`,
    )
    t.teardown(async () => await crashing.#program?.[Symbol.asyncDispose]())
    await crashing.start()
    return crashing
  }

  get pid(): number {
    return this.#program?.pid ?? 0
  }

  async start(): Promise<void> {
    this.#program = await startProgram(['serve', '--port', '0', '--config', this.#config])
    this.#url = (await this.#program.firstLine()).replace('listening on ', '')
  }

  async kill(): Promise<void> {
    this.#program?.kill('SIGKILL')
    const { stderr = '' } = (await this.#program?.outcome) ?? {}
    this.#t.notMatch(stderr, UNFORESEEN, 'and met nothing that nobody foresaw')
  }

  /**
   * Clients at work until `signal` fires, each until the service is gone that it speaks with. Calls `onFirst` when an
   * image has been dealt with.
   */
  async work(signal: AbortSignal, onFirst: () => void): Promise<void> {
    const first = async () => await this.#fill().then(onFirst)
    const fill = async () => await this.#fill()
    const work = [
      first,
      fill,
      fill,
      fill,
      () => this.#read(),
      () => this.#remove(),
      () => this.#removeEarly(),
    ]
    await Promise.all(
      work.map(async one => {
        try {
          while (!signal.aborted) await one()
        } catch {
          // It was killed.
        }
      }),
    )
  }

  /**
   * That each image is whole or waits for its data, and that there is data of nothing else, as soon as all is put right.
   * Deletes most of them then.
   */
  async check(moment: string): Promise<Found> {
    const restless = async () => (await this.#listed()).filter(image => !isAtRest(image))
    const isOver = async () => (await restless()).length === 0
    await waitUntil(`${moment}: all is at rest`, isOver).catch(async () => {
      this.#t.strictSame(await restless(), [], `${moment}: all is at rest`)
    })
    const listed = new Map((await this.#listed()).map(image => [String(image['id']), image]))
    const names: string[] = []
    const staged: string[] = []
    const problems: string[] = []
    for (const [id, known] of this.#known) {
      const image = listed.get(id)
      const status = image === undefined ? 'deleted' : String(image['status'])
      if (status === 'uploading') staged.push(id)
      if (status === 'active') names.push(id)
      problems.push(...(await this.#problemsOf(id, status, image, known)))
    }
    this.#t.strictSame(problems, [], moment)
    const isTidy = () => same(filesIn(this.#images), names) && same(filesIn(this.#staging), staged)
    await waitUntil('all is tidy', isTidy, 20_000).catch(() => {})
    this.#t.strictSame(filesIn(this.#images).toSorted(), names.toSorted(), 'nothing else is stored')
    this.#t.strictSame(filesIn(this.#staging).toSorted(), staged.toSorted(), 'nor staged')
    const found = { whole: names.length, waiting: this.#known.size - names.length }
    const kept = new Set(names.slice(0, LEFT))
    await Promise.all(
      [...names, ...staged].filter(id => !kept.has(id)).map(id => this.#ask('DELETE', `/${id}`)),
    )
    for (const [id, image] of this.#known) {
      if (!kept.has(id)) this.#known.delete(id)
      else Object.assign(image, { said: 'stored', isBeingDeleted: false })
    }
    return found
  }

  async #problemsOf(
    id: string,
    status: string,
    image: Document | undefined,
    { data, said, isBeingDeleted }: Known,
  ): Promise<readonly string[]> {
    if (status !== 'active') {
      if (said === 'stored') return [`${id} was stored, and is ${status}`]
      const isAllowed = status === 'deleted' ? isBeingDeleted : WAITING.has(status)
      return isAllowed ? [] : [`${id} is ${status}`]
    }
    const problems = said === 'deleted' ? [`${id} was deleted`] : []
    const answer = await this.#ask('GET', `/${id}/file`)
    if (!Buffer.from(await answer.arrayBuffer()).equals(data)) problems.push(`${id}: other data`)
    const hash = createHash('sha512').update(data).digest('hex')
    if (image?.['os_hash_value'] !== hash) problems.push(`${id}: another digest`)
    return problems
  }

  async #listed(): Promise<readonly Document[]> {
    const { images } = (await (await this.#ask('GET', '?limit=1000')).json()) as Document // As documented.
    return images as Document[] // As documented.
  }

  async #ask(method: string, path: string, body?: string | Uint8Array, headers = {}) {
    const sent = body instanceof Uint8Array ? new Uint8Array(body) : body
    const given = sent === undefined ? {} : { body: sent }
    return await fetch(`${this.#url}/v2/images${path}`, { method, headers, ...given })
  }

  async #create(data: Buffer): Promise<{ readonly id: string; readonly image: Known }> {
    const created = await this.#ask('POST', '', '{"disk_format":"raw","container_format":"bare"}')
    const { id } = (await created.json()) as { readonly id: string } // As documented.
    const image: Known = { data, said: 'nothing', isBeingDeleted: false }
    this.#known.set(id, image)
    return { id, image }
  }

  #some(): { readonly seed: number; readonly size: number; readonly data: Buffer } {
    const [seed, size] = [Math.floor(this.#random() * 1000), Math.floor(this.#random() * LARGEST)]
    return { seed, size, data: bytesOf(seed, size) }
  }

  /** Gives one image its data, in one of the ways that there are. */
  async #fill(): Promise<void> {
    const { seed, size, data } = this.#some()
    const way = Math.floor(this.#random() * 4)
    const { id, image } = await this.#create(data)
    const begin = (method: object) => this.#ask('POST', `/${id}/import`, JSON.stringify({ method }))
    if (way === 0) {
      if ((await this.#ask('PUT', `/${id}/file`, data, OCTETS)).status === 204)
        image.said = 'stored'
    } else if (way === 1) {
      if ((await this.#stream(id, data)).status === 204) image.said = 'stored'
    } else if (way === 2) {
      await this.#ask('PUT', `/${id}/stage`, data, OCTETS)
      await begin({ name: 'glance-direct' })
    } else {
      await begin({ name: 'web-download', uri: `${this.#remote}/${seed}/${size}` })
    }
  }

  /** Without saying how much it is. */
  async #stream(id: string, data: Buffer): Promise<Response> {
    const body = new Blob([new Uint8Array(data)]).stream()
    const sent = { method: 'PUT', headers: OCTETS, body, duplex: 'half' } as RequestInit // Types lag behind.
    return await fetch(`${this.#url}/v2/images/${id}/file`, sent)
  }

  #stored() {
    return [...this.#known].filter(([, image]) => image.said === 'stored')
  }

  async #read(): Promise<void> {
    const stored = this.#stored()
    const [id, image] = stored[Math.floor(this.#random() * stored.length)] ?? []
    if (id === undefined || image === undefined) return void (await this.#ask('GET', ''))
    const answer = await this.#ask('GET', `/${id}/file`)
    const data = Buffer.from(await answer.arrayBuffer())
    if (answer.status === 200) this.#t.ok(data.equals(image.data), `${id} is read whole`)
  }

  async #remove(): Promise<void> {
    const [id, image] = this.#stored()[0] ?? []
    if (id === undefined || image === undefined) return void (await this.#ask('GET', ''))
    await this.#delete(id, image)
  }

  /** While it is on its way. */
  async #removeEarly(): Promise<void> {
    const { data } = this.#some()
    const { id, image } = await this.#create(data)
    const upload = this.#stream(id, data)
    await Promise.all([upload.then(answer => answer.text()), this.#delete(id, image)])
  }

  async #delete(id: string, image: Known): Promise<void> {
    image.said = 'nothing'
    image.isBeingDeleted = true
    if ((await this.#ask('DELETE', `/${id}`)).status === 204) image.said = 'deleted'
  }
}

/** An error that has a name and no message for people. */
const UNFORESEEN = /Error:/

/** What an image that has no data may be; `uploading` when it is staged, and nobody has asked for its import. */
const WAITING = new Set(['queued', 'uploading'])

/** Whether nobody does anything with an image. */
function isAtRest({ status, size, os_glance_import_task: task }: Document): boolean {
  if (task !== undefined) return false
  return status === 'active' || status === 'queued' || (status === 'uploading' && size !== null)
}

function same(some: readonly string[], others: readonly string[]): boolean {
  return JSON.stringify(some.toSorted()) === JSON.stringify(others.toSorted())
}
