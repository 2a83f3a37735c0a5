import { createHash, createHmac, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerOptions } from 'node:https'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Test } from 'tap'
import { startListener } from './listener.ts'

export const ACCESS = 'AKIATEST'
export const SECRET = 'se/cr:et+=='

interface StoredObject {
  readonly file: string
  readonly etag: string
  readonly metadata: Readonly<Record<string, string>>
}

interface Upload {
  readonly id: string
  readonly key: string
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, { readonly file: string; readonly etag: string }>
  /** When it was begun; now, where not set. */
  readonly initiated?: Date
}

interface Bucket {
  readonly objects: Map<string, StoredObject>
  readonly uploads: Map<string, Upload>
}

class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/** A request that {@link FakeS3} is about to do or has done. */
export interface S3Request {
  readonly method: string
  readonly key: string
  readonly query: URLSearchParams
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * An S3 server for a test: path style, signatures checked, multipart, conditional writes, errors as Amazon's reference
 * says. What it stores is on the disk, since the process that is measured is its own.
 */
export class FakeS3 {
  url = ''
  readonly buckets = new Map<string, Bucket>()
  /** Each request: method, bucket, key and the names of the parameters. */
  readonly log: string[] = []
  /** Bytes of the smallest part but the last; Amazon's is 5 MiB. */
  smallestPart = 1
  /** Bytes that all objects and parts may have. */
  capacity = Infinity
  /** Whether it knows conditional writes; many servers do not. */
  conditional = true
  /** Uploads in a page of a listing. */
  pageSize = 2
  /** Keys that anybody may read. */
  readonly published = new Set<string>()
  /** Is asked before each request is done; what it answers itself is not done. */
  before: (request: S3Request) => Promise<boolean> | boolean = () => false
  /** Is asked instead of the answer that it is done. */
  after: (request: S3Request) => Promise<boolean> | boolean = () => false
  /** Bytes after which an answer is cut off. */
  cutAfter: () => number = () => Infinity
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async start(t: Test, tls?: ServerOptions): Promise<FakeS3> {
    const folder = join(t.testdir(), 's3')
    mkdirSync(folder)
    const fake = new FakeS3(folder)
    fake.url = await startListener(t, (...pair) => void fake.#answer(...pair), tls)
    return fake
  }

  makeBucket(name: string): void {
    this.buckets.set(name, { objects: new Map(), uploads: new Map() })
  }

  /** Begins an upload that nobody goes on with, so many hours ago. */
  beginUpload(bucket: string, key: string, hours = 0): void {
    const id = randomUUID()
    const initiated = new Date(Date.now() - hours * 3_600_000)
    const upload = { id, key, metadata: {}, parts: new Map(), initiated }
    this.buckets.get(bucket)?.uploads.set(id, upload)
  }

  /** Keys of objects, and of uploads and their parts, marked as such. */
  contents(): string[] {
    return [...this.buckets.values()].flatMap(({ objects, uploads }) => [
      ...objects.keys(),
      ...Array.from(uploads.values(), ({ key, parts }) => `${parts.size} parts of ${key}`),
    ])
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://host')
    const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/')
    const { searchParams: query } = url
    const key = rest.join('/')
    const method = request.method ?? ''
    query.delete('x-id')
    const asked = { method, key, query, request, response }
    this.log.push([method, `/${bucket}/${key}`, ...query.keys()].join(' '))
    try {
      if (await this.before(asked)) return
      if (request.headers.expect !== undefined) response.writeContinue()
      this.#authenticate(asked)
      const { status, headers = {}, body } = await this.#do(asked, bucket)
      if (await this.after(asked)) return
      response.writeHead(status, headers)
      if (typeof body === 'object') await this.#send(body, response)
      else response.end(method === 'HEAD' ? undefined : body)
    } catch (error) {
      request.resume()
      if (response.headersSent || response.destroyed) return
      if (!(error instanceof Refusal)) throw error
      response.writeHead(error.status, { 'content-type': 'application/xml' })
      response.end(`<Error><Code>${error.code}</Code><Message>${error.code}</Message></Error>`)
    }
  }

  async #send(part: Part, response: ServerResponse): Promise<void> {
    const most = this.cutAfter()
    const cut = async function* (data: AsyncIterable<Buffer>) {
      let sent = 0
      for await (const chunk of data) {
        if (sent >= most) throw new Error('cut')
        sent += chunk.length
        yield chunk
      }
    }
    const data = createReadStream(part.file, part)
    await pipeline(data, cut, response).catch(() => {}) // Cut, or the reader has left.
  }

  async #do(asked: S3Request, bucketName: string): Promise<Answer> {
    const { method, key, query, request } = asked
    if (key === '' && method === 'PUT') {
      if (this.buckets.has(bucketName)) throw new Refusal(409, 'BucketAlreadyOwnedByYou')
      await readBody(request)
      this.makeBucket(bucketName)
      return { status: 200 }
    }
    const bucket = this.buckets.get(bucketName)
    if (bucket === undefined) throw new Refusal(404, 'NoSuchBucket')
    if (key === '' && method === 'GET' && query.has('uploads')) return this.#uploads(bucket, query)
    if (key === '' && method === 'GET') return this.#list(bucket, query)
    const uploadId = query.get('uploadId')
    if (uploadId !== null) return this.#upload(asked, bucket, uploadId)
    if (method === 'POST' && query.has('uploads')) {
      const id = randomUUID()
      bucket.uploads.set(id, { id, key, metadata: metadataOf(request), parts: new Map() })
      return xml(
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    if (method === 'PUT') {
      this.#checkCondition(request, bucket, key)
      const { file, etag } = await this.#receive(request)
      this.#checkCondition(request, bucket, key)
      bucket.objects.set(key, { file, etag, metadata: metadataOf(request) })
      return { status: 200, headers: { etag: `"${etag}"` } }
    }
    const object = bucket.objects.get(key)
    if (method === 'DELETE') {
      bucket.objects.delete(key)
      return { status: 204 }
    }
    if (object === undefined) throw new Refusal(404, 'NoSuchKey')
    return read(object, request)
  }

  async #upload(
    { method, key, query, request }: S3Request,
    bucket: Bucket,
    id: string,
  ): Promise<Answer> {
    const upload = bucket.uploads.get(id)
    if (upload === undefined || upload.key !== key) throw new Refusal(404, 'NoSuchUpload')
    switch (method) {
      case 'PUT': {
        const part = await this.#receive(request)
        upload.parts.set(Number(query.get('partNumber')), part)
        return { status: 200, headers: { etag: `"${part.etag}"` } }
      }
      case 'GET': {
        const parts = [...upload.parts].map(
          ([n, { file }]) =>
            `<Part><PartNumber>${n}</PartNumber><Size>${statSync(file).size}</Size><LastModified>${statSync(file).mtime.toISOString()}</LastModified></Part>`,
        )
        return xml(`<ListPartsResult>${parts.join('')}</ListPartsResult>`)
      }
      case 'DELETE':
        bucket.uploads.delete(id)
        return { status: 204 }
      default:
        return await this.#complete(request, bucket, upload)
    }
  }

  async #complete(request: IncomingMessage, bucket: Bucket, upload: Upload): Promise<Answer> {
    const document = (await readBody(request)).toString()
    const tags = [...document.matchAll(/<ETag>(?:"|&quot;)?([^"&<]*)/g)].map(([, tag = '']) => tag)
    const numbers = [...document.matchAll(/<PartNumber>(\d+)/g)].map(([, number]) => Number(number))
    const parts = numbers.map(number => upload.parts.get(number))
    if (numbers.some((number, i) => number <= (numbers[i - 1] ?? 0))) {
      throw new Refusal(400, 'InvalidPartOrder')
    }
    if (parts.length === 0) throw new Refusal(400, 'MalformedXML')
    const file = join(this.#folder, randomUUID())
    const digests: Buffer[] = []
    await appendFile(file, '')
    for (const [i, part] of parts.entries()) {
      if (part === undefined || part.etag !== tags[i]) throw new Refusal(400, 'InvalidPart')
      if (i < parts.length - 1 && statSync(part.file).size < this.smallestPart) {
        throw new Refusal(400, 'EntityTooSmall')
      }
      await appendFile(file, await readFile(part.file))
      digests.push(Buffer.from(part.etag, 'hex'))
    }
    this.#checkCondition(request, bucket, upload.key)
    const etag = `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`
    bucket.objects.set(upload.key, { file, etag, metadata: upload.metadata })
    bucket.uploads.delete(upload.id)
    return xml(
      `<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`,
    )
  }

  #uploads({ uploads }: Bucket, query: URLSearchParams): Answer {
    const order = [...uploads.values()].toSorted((a, b) => (a.key + a.id < b.key + b.id ? -1 : 1))
    const [after, afterId] = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? '']
    const prefix = query.get('prefix') ?? ''
    const rest = order.filter(({ key, id }) => key.startsWith(prefix) && key + id > after + afterId)
    const page = rest.slice(0, this.pageSize)
    const last = page.at(-1)
    const next =
      rest.length === page.length || last === undefined
        ? ''
        : `<NextKeyMarker>${last.key}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
    const found = page.map(
      u =>
        `<Upload><Key>${u.key}</Key><UploadId>${u.id}</UploadId><Initiated>${(u.initiated ?? new Date()).toISOString()}</Initiated></Upload>`,
    )
    return xml(
      `<ListMultipartUploadsResult><IsTruncated>${next !== ''}</IsTruncated>${next}${found.join('')}</ListMultipartUploadsResult>`,
    )
  }

  #list({ objects }: Bucket, query: URLSearchParams): Answer {
    const after = query.get('continuation-token') ?? ''
    const rest = [...objects]
      .filter(([key]) => key > after)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    const page = rest.slice(0, this.pageSize)
    const isLast = page.length === rest.length
    const next = isLast ? '' : `<NextContinuationToken>${page.at(-1)?.[0]}</NextContinuationToken>`
    const found = page.map(([key, { file }]) => {
      const { size, mtime } = statSync(file)
      return `<Contents><Key>${key}</Key><Size>${size}</Size><LastModified>${mtime.toISOString()}</LastModified></Contents>`
    })
    return xml(
      `<ListBucketResult><IsTruncated>${!isLast}</IsTruncated>${next}${found.join('')}</ListBucketResult>`,
    )
  }

  #checkCondition({ headers }: IncomingMessage, { objects }: Bucket, key: string): void {
    if (headers['if-none-match'] === undefined) return
    if (!this.conditional) throw new Refusal(501, 'NotImplemented')
    if (objects.has(key)) throw new Refusal(412, 'PreconditionFailed')
  }

  async #receive(request: IncomingMessage): Promise<{ file: string; etag: string }> {
    const length = Number(request.headers['content-length'])
    if (Number.isNaN(length)) throw new Refusal(411, 'MissingContentLength')
    if (this.#used() + length > this.capacity) throw new Refusal(403, 'QuotaExceeded')
    const file = join(this.#folder, randomUUID())
    const md5 = createHash('md5')
    const sha256 = createHash('sha256')
    let seen = 0
    try {
      await pipeline(
        request,
        async function* (data: AsyncIterable<Buffer>) {
          for await (const chunk of data) {
            md5.update(chunk)
            sha256.update(chunk)
            seen += chunk.length
            yield chunk
          }
        },
        createWriteStream(file),
      )
    } catch {
      throw new Refusal(400, 'IncompleteBody') // Nobody is there any more to hear it.
    }
    if (seen < length) throw new Refusal(400, 'IncompleteBody')
    if (request.headers['x-amz-content-sha256'] !== sha256.digest('hex')) {
      throw new Refusal(400, 'XAmzContentSHA256Mismatch')
    }
    return { file, etag: md5.digest('hex') }
  }

  #used(): number {
    const files = [...this.buckets.values()].flatMap(({ objects, uploads }) => [
      ...objects.values(),
      ...[...uploads.values()].flatMap(({ parts }) => [...parts.values()]),
    ])
    return files.reduce((sum, { file }) => sum + statSync(file).size, 0)
  }

  #authenticate({ request, method, key }: S3Request): void {
    const [, access, day, region, names = '', signature] =
      /Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)/.exec(
        request.headers.authorization ?? '',
      ) ?? []
    if (access === undefined || day === undefined || region === undefined) {
      if (method !== 'PUT' && this.published.has(key)) return
      throw new Refusal(403, 'AccessDenied')
    }
    if (access !== ACCESS) throw new Refusal(403, 'InvalidAccessKeyId')
    if (signature !== signed(request, { day, region, names })) {
      throw new Refusal(403, 'SignatureDoesNotMatch')
    }
  }
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Part
}

interface Part {
  readonly file: string
  readonly start: number
  /** Of the last byte. */
  readonly end: number
}

function xml(body: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

function read({ file, etag, metadata }: StoredObject, request: IncomingMessage): Answer {
  const { size } = statSync(file)
  const wanted = request.headers['if-match']
  if (wanted !== undefined && wanted !== `"${etag}"`) throw new Refusal(412, 'PreconditionFailed')
  const headers: Record<string, string> = { etag: `"${etag}"` }
  for (const [name, value] of Object.entries(metadata)) headers[name] = value
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  if (first !== undefined && Number(first) >= size) throw new Refusal(416, 'InvalidRange')
  const start = Number(first ?? 0)
  const end = Math.min(Number(last ?? size - 1), size - 1)
  headers['content-length'] = String(end - start + 1)
  if (request.method === 'HEAD' || size === 0) return { status: 200, headers }
  if (first === undefined) return { status: 200, headers, body: { file, start, end } }
  headers['content-range'] = `bytes ${start}-${end}/${size}`
  return { status: 206, headers, body: { file, start, end } }
}

function metadataOf({ headers }: IncomingMessage): Record<string, string> {
  const given = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer) // No encoding is set.
  return Buffer.concat(chunks)
}

/** Signature version 4 of a request (docs.aws.amazon.com, "Create a signed AWS API request"), by our secret. */
function signed(
  { method = '', url = '', headers }: IncomingMessage,
  { day, region, names }: { readonly day: string; readonly region: string; readonly names: string },
): string {
  const { pathname, searchParams } = new URL(url, 'http://host')
  const encode = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16)}`)
  const query = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`)
  const canonical = [
    method,
    pathname,
    query.toSorted().join('&'),
    ...names.split(';').map(name => `${name}:${String(headers[name]).trim()}`),
    '',
    names,
    String(headers['x-amz-content-sha256']),
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const hash = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash].join('\n')
  let key: string | Buffer = `AWS4${SECRET}`
  for (const part of [day, region, 's3', 'aws4_request']) {
    key = createHmac('sha256', key).update(part).digest()
  }
  return createHmac('sha256', key).update(text).digest('hex')
}
