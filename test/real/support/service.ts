import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { waitUntil } from './wait.ts'

export type Document = Readonly<Record<string, unknown>>

export interface Answer {
  readonly status: number
  /** The body as JSON, or empty. */
  readonly document: Document
  readonly text: string
}

/** What a service makes itself, which therefore differs from one to the next; an image's data proves the rest. */
const OF_THE_SERVICE: ReadonlySet<string> = new Set([
  'created_at',
  'updated_at',
  'virtual_size',
  'self',
  'file',
  'schema',
  'direct_url',
  'locations',
  'stores',
])

/** An Images API v2, asked by nothing but HTTP. */
export class Service {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  /** As a person types it: `host:port`. */
  get address(): string {
    return new URL(this.url).host
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    type = 'application/json',
  ): Promise<Answer> {
    const response = await fetch(`${this.url}/v2/${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': type },
      }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    const document = isJson && text !== '' ? (JSON.parse(text) as Document) : {} // Always an object.
    return { status: response.status, document, text }
  }

  /** @throws when the service does not answer with `status`. */
  async expect(status: number, ...asked: Parameters<Service['call']>): Promise<Document> {
    const answer = await this.call(...asked)
    if (answer.status !== status) {
      throw new Error(`${asked[0]} ${asked[1]}: ${answer.status} ${answer.text}`)
    }
    return answer.document
  }

  async create(fields: Document): Promise<void> {
    await this.expect(201, 'POST', 'images', fields)
  }

  async uploadBytes(id: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' }
    const path = `${this.url}/v2/images/${id}/file`
    const response = await fetch(path, { method: 'PUT', headers, body: bytes })
    if (response.status !== 204) throw new Error(`upload: ${await response.text()}`)
  }

  async upload(id: string, file: string): Promise<void> {
    const { size } = await stat(file)
    const response = await fetch(`${this.url}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: Readable.toWeb(createReadStream(file, { highWaterMark: 1024 * 1024 })),
      duplex: 'half',
    })
    if (response.status !== 204) throw new Error(`upload: ${await response.text()}`)
  }

  /** Sets fields, one after the other. */
  async change(id: string, fields: Document): Promise<void> {
    const operations = Object.entries(fields).map(([name, value]) => ({
      op: 'add',
      path: `/${name}`,
      value,
    }))
    const type = 'application/openstack-images-v2.1-json-patch'
    await this.expect(200, 'PATCH', `images/${id}`, operations, type)
  }

  async image(id: string): Promise<Document> {
    return await this.expect(200, 'GET', `images/${id}`)
  }

  /** Whether there is such an image, and in which state. */
  async statusOf(id: string): Promise<unknown> {
    return (await this.call('GET', `images/${id}`)).document['status']
  }

  /** Waits until the image has what it needs and nothing is being imported into it any more. */
  async untilAtRest(id: string): Promise<void> {
    await waitUntil(`${id} is imported`, async () => {
      const { status, os_glance_import_task: task } = await this.image(id)
      return task === undefined && (status === 'active' || status === 'queued')
    })
  }

  /** Waits until there are copies of these images in the cache. */
  async untilCached(...ids: readonly string[]): Promise<void> {
    await waitUntil(`${ids.join(' and ')} are cached`, async () => {
      const { cached_images: cached } = await this.expect(200, 'GET', 'cache')
      const found = (cached as { image_id: string }[]).map(({ image_id: id }) => id) // A Cache API.
      return ids.every(id => found.includes(id))
    })
  }

  /** What came of a task, as soon as it has ended. @throws when it failed. */
  async taskResult(id: string): Promise<Document> {
    let task: Document = {}
    await waitUntil(`the task ${id} has ended`, async () => {
      task = await this.expect(200, 'GET', `tasks/${id}`)
      return task['status'] === 'success' || task['status'] === 'failure'
    })
    if (task['status'] === 'failure') throw new Error(`task ${id}: ${String(task['message'])}`)
    return task['result'] as Document // v2-task schema: so it is once it succeeded.
  }

  /** What of the image a faithful copy has too, tags in order. */
  async replicable(id: string): Promise<Document> {
    const document = await this.image(id)
    const kept = Object.entries(document).filter(([name]) => !OF_THE_SERVICE.has(name))
    const tags = document['tags'] as string[] // v2-image schema.
    return { ...Object.fromEntries(kept), tags: tags.toSorted() }
  }

  /** Writes the data to a file. */
  async download(id: string, file: string): Promise<void> {
    const { body, status } = await fetch(`${this.url}/v2/images/${id}/file`)
    if (status !== 200 || body === null) throw new Error(`download: ${status}`)
    await pipeline(Readable.fromWeb(body), createWriteStream(file))
  }
}
