import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { startListener } from './listener.ts'

/** What an object is besides its bytes. */
interface StoredObject {
  /** Where its bytes are. */
  readonly file: string
  readonly size: number
  readonly etag: string
  /** Of a dynamic large object: `container/prefix`. */
  readonly manifest: string | null
  /** Of a static one: `/container/object` of each segment. */
  readonly segments: readonly string[] | null
  readonly modified: Date
}

interface Container {
  readonly objects: Map<string, StoredObject>
  /** `X-Container-Read` and `X-Container-Write`. */
  readonly acl: Map<string, string>
  readonly made: Date
}

/** What somebody asks, for a test to stand in the way. */
export interface Asked {
  readonly method: string
  /** Below the account, decoded: `container/object`. */
  readonly path: string
}

export interface SwiftOptions {
  /** Users and their keys, as Swift's own authentication has them. Default `test:tester`. */
  readonly users?: Readonly<Record<string, string>>
  /** Whether some other service gave the token. */
  readonly knows?: (token: string) => boolean
}

/** A small Swift that listens, and that behaves as Debian's Swift 2.30 where it is tested; test/real/swift.test.ts says so. */
export class TestSwift {
  url = ''
  /** What was asked for, in order: method and path below the account. */
  readonly requests: string[] = []
  /** The accounts that were asked for something. */
  readonly accounts = new Set<string>()
  /** Every token that it gave. */
  readonly tokens: string[] = []
  /** Bytes for which there is room, in all. */
  room = Number.POSITIVE_INFINITY
  /** Answers a request with a status, or by hanging up, instead of doing what is asked. */
  interfere: (asked: Asked) => number | 'hang up' | undefined = () => undefined
  /** How many bytes of a download are sent before the connection breaks. */
  breaksAfter = Number.POSITIVE_INFINITY
  /** The only account that has containers in its listing; null for all. */
  home: string | null = null
  /** Whether what it keeps is not what it was sent. */
  damages = false
  readonly #containers = new Map<string, Container>()
  readonly #valid = new Set<string>()
  readonly #options: SwiftOptions
  readonly #folder: string
  #files = 0

  constructor(folder: string, options: SwiftOptions) {
    this.#folder = folder
    this.#options = options
  }

  /** Where an account is; all have the same containers. */
  get storageUrl(): string {
    return `${this.url}/v1/AUTH_test`
  }

  /** From now on no token that it gave holds. */
  revoke(): void {
    this.#valid.clear()
  }

  /** Makes all objects and containers older by so many seconds. */
  age(seconds: number): void {
    for (const { objects, made } of this.#containers.values()) {
      made.setTime(made.getTime() - seconds * 1000)
      for (const { modified } of objects.values())
        modified.setTime(modified.getTime() - seconds * 1000)
    }
  }

  createContainer(name: string): Container {
    const container = this.#containers.get(name) ?? {
      objects: new Map(),
      acl: new Map(),
      made: new Date(),
    }
    this.#containers.set(name, container)
    return container
  }

  hasContainer(name: string): boolean {
    return this.#containers.has(name)
  }

  /** The access control list of a container by the name of its header. */
  acl(container: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#containers.get(container)?.acl ?? [])
  }

  /** The names of all objects of a container, in order. */
  names(container: string): readonly string[] {
    return [...(this.#containers.get(container)?.objects.keys() ?? [])].toSorted()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const { pathname, searchParams } = new URL(url, 'http://swift')
    if (/^\/auth\/v1\.0\/?$/.test(pathname)) return this.#logIn(headers, response)
    const [, version, account = '', ...rest] = pathname.split('/')
    this.accounts.add(account)
    const [container = '', ...object] = rest.map(decodeURIComponent)
    const path = [container, ...object].join('/')
    this.requests.push(`${method} ${path}`)
    const status = this.interfere({ method, path })
    if (status === 'hang up') return void request.socket.destroy()
    if (status !== undefined) return refuse(response, status)
    const token = String(headers['x-auth-token'])
    if (!this.#valid.has(token) && this.#options.knows?.(token) !== true)
      return refuse(response, 401)
    if (version !== 'v1') return refuse(response, 404)
    const asked = { request, response, query: searchParams }
    if (container === '') {
      const isHome = this.home === null || this.home === account
      const names = isHome ? [...this.#containers.keys()].toSorted() : []
      return answerPage(asked, names, name => ({ name }))
    }
    if (object.length === 0) this.#answerContainer(container, asked)
    else await this.#answerObject(container, object.join('/'), asked)
  }

  #logIn(headers: IncomingMessage['headers'], response: ServerResponse): void {
    const { users = { 'test:tester': 'testing' } } = this.#options
    const [user, key] = ['x-auth-user', 'x-auth-key'].map(name =>
      Buffer.from(String(headers[name]), 'latin1').toString('utf8'),
    )
    this.requests.push(`AUTH ${user}`)
    if (key === undefined || users[user ?? ''] !== key) return refuse(response, 401)
    const token = `AUTH_tk${randomBytes(16).toString('hex')}`
    this.tokens.push(token)
    this.#valid.add(token)
    response.writeHead(200, {
      'x-storage-url': this.storageUrl,
      'x-auth-token': token,
      'x-storage-token': token,
      'x-auth-token-expires': '86400',
    })
    response.end()
  }

  #answerContainer(name: string, { request, response, query }: Exchange): void {
    const container = this.#containers.get(name)
    const { method } = request
    if (method === 'PUT' || (method === 'POST' && container !== undefined)) {
      const { acl } = this.createContainer(name)
      for (const header of ['x-container-read', 'x-container-write']) {
        const value = request.headers[header]
        if (typeof value === 'string') acl.set(header, value)
      }
      if (method === 'POST') return refuse(response, 204)
      return refuse(response, container === undefined ? 201 : 202)
    }
    if (container === undefined) return refuse(response, 404)
    if (method === 'HEAD') {
      const made = container.made.getTime() / 1000
      return refuse(response, 204, { 'x-timestamp': made.toFixed(5) })
    }
    if (method === 'DELETE') {
      if (container.objects.size > 0) return refuse(response, 409)
      this.#containers.delete(name)
      return refuse(response, 204)
    }
    answerPage({ request, response, query }, this.names(name), object => {
      const { size = 0, etag, modified } = container.objects.get(object) ?? {}
      const last_modified = modified?.toISOString().replace('Z', '000')
      return { name: object, bytes: size, hash: etag, last_modified }
    })
  }

  async #answerObject(container: string, name: string, exchange: Exchange): Promise<void> {
    const { request, response, query } = exchange
    const { objects } = this.#containers.get(container) ?? {}
    const found = objects?.get(name)
    if (request.method === 'PUT') return await this.#write(objects, name, exchange)
    if (objects === undefined || found === undefined) return refuse(response, 404)
    if (request.method !== 'DELETE') return await this.#read(found, exchange)
    if (query.get('multipart-manifest') === 'delete' && found.segments !== null) {
      for (const path of found.segments) {
        const [, where = '', ...segment] = path.split('/')
        this.#containers.get(where)?.objects.delete(segment.join('/'))
      }
      objects.delete(name)
      const answer = { 'Number Deleted': found.segments.length + 1, 'Response Status': '200 OK' }
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(JSON.stringify(answer))
    }
    objects.delete(name)
    await rm(found.file, { force: true })
    refuse(response, 204)
  }

  async #write(
    objects: Map<string, StoredObject> | undefined,
    name: string,
    { request, response, query }: Exchange,
  ): Promise<void> {
    const { headers } = request
    if (objects === undefined) return refuse(response, 404)
    if (headers['if-none-match'] === '*' && objects.has(name)) return refuse(response, 412)
    if (Number(headers['content-length'] ?? 0) > this.room) return refuse(response, 413)
    if (headers.expect !== undefined) response.writeContinue()
    this.#files += 1
    const file = join(this.#folder, String(this.#files))
    const md5 = createHash('md5')
    let size = 0
    const room = () => this.room
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        md5.update(chunk)
        size += chunk.length
        if (size > room()) throw new Full()
        yield chunk
      }
    }
    const isStatic = query.get('multipart-manifest') === 'put'
    const segments = isStatic
      ? (JSON.parse(await text(request)) as { path: string }[]).map(({ path }) => path) // As swiftclient writes it.
      : null
    try {
      await pipeline(Readable.from(counted()), createWriteStream(file))
    } catch (error) {
      await rm(file, { force: true })
      if (error instanceof Full) refuse(response, 413)
      return
    }
    this.room -= size
    if (this.damages) md5.update('x')
    const etag = md5.digest('hex')
    if (headers.etag !== undefined && headers.etag !== etag) return refuse(response, 422)
    const manifest = headers['x-object-manifest']
    objects.set(name, {
      file,
      size,
      etag,
      manifest: typeof manifest === 'string' ? decodeURIComponent(manifest) : null,
      segments,
      modified: new Date(),
    })
    response.writeHead(201, { etag })
    response.end()
  }

  async #read(found: StoredObject, { request, response }: Exchange): Promise<void> {
    const parts = this.#partsOf(found)
    const size = parts.reduce((total, part) => total + part.size, 0)
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const first = Number(from ?? 0)
    const last = Math.min(Number(to ?? size - 1), size - 1)
    const isPart = from !== undefined
    if (isPart && first >= size) return refuse(response, 416)
    response.writeHead(isPart ? 206 : 200, {
      'content-length': last - first + 1,
      'content-type': 'application/octet-stream',
      ...(found.manifest === null ? {} : { 'x-object-manifest': encodeURI(found.manifest) }),
      ...(found.segments === null ? {} : { 'x-static-large-object': 'True' }),
      ...(isPart ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
    })
    if (request.method === 'HEAD') return void response.end()
    const limit = this.breaksAfter
    async function* bytes(): AsyncGenerator<Buffer> {
      let position = 0
      let sent = 0
      for (const { file, size: length } of parts) {
        const [start, end] = [Math.max(first - position, 0), Math.min(last - position, length - 1)]
        position += length
        if (start > end) continue
        for await (const chunk of createReadStream(file, { start, end }) as AsyncIterable<Buffer>) {
          sent += chunk.length
          if (sent > limit) throw new Error('broken off')
          yield chunk
        }
      }
    }
    await pipeline(Readable.from(bytes()), response).catch(() => {
      request.socket.destroy() // Whoever read has gone, or was to be left alone.
    })
  }

  #partsOf(found: StoredObject): readonly StoredObject[] {
    const { manifest, segments } = found
    if (segments !== null) {
      return segments.flatMap(path => {
        const [, container = '', ...name] = path.split('/')
        return this.#containers.get(container)?.objects.get(name.join('/')) ?? []
      })
    }
    if (manifest === null) return [found]
    const [container = '', ...rest] = manifest.split('/')
    const prefix = rest.join('/')
    const objects = this.#containers.get(container)?.objects
    return this.names(container)
      .filter(name => name.startsWith(prefix))
      .flatMap(name => objects?.get(name) ?? [])
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
}

class Full extends Error {}

/** Listens for the time of a test; what it is given it keeps in files. */
export async function startSwift(t: Test, options: SwiftOptions = {}): Promise<TestSwift> {
  const swift = new TestSwift(t.testdir(), options)
  swift.url = await startListener(t, (request, response) => {
    void swift.answer(request, response).catch(() => refuse(response, 500))
  })
  return swift
}

/** Answers with a page of a listing. */
function answerPage(
  { response, query }: Exchange,
  names: readonly string[],
  entryOf: (name: string) => object,
): void {
  const [prefix, marker] = [query.get('prefix') ?? '', query.get('marker') ?? '']
  const page = names
    .filter(name => name.startsWith(prefix) && name > marker)
    .slice(0, 3) // Real ones have ten thousand.
    .map(entryOf)
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(page))
}

/** Answers with a status and a page, as Swift does where it has nothing else to say. */
function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return void response.destroy()
  const body = status === 204 || status === 201 ? '' : '<html><h1>As asked</h1></html>'
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/html; charset=UTF-8',
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }),
    // The rest of what was sent would be taken for another request.
    ...(status >= 400 ? { connection: 'close' } : {}),
  })
  response.end(body)
}
