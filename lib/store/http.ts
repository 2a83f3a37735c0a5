import type { IncomingMessage } from 'node:http'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { bodyOf, type FetchOptions, fetchUrl } from '../http/fetch-url.ts'
import { readTls, trustingOf } from '../http/tls.ts'
import type { UriFilter } from '../http/uri-filter.ts'
import { abortable } from '../stream/abortable.ts'
import type { Bytes } from '../stream/bytes.ts'
import { type ByteRange, checkRange } from '../stream/range.ts'
import { verifySize } from '../stream/verify.ts'
import type { HttpSettings } from './http-settings.ts'
import { schemeOf } from './location.ts'
import type { Location, Store } from './store.ts'

/** Schemes of the URLs that it reads. */
export const HTTP_SCHEMES = ['http', 'https'] as const

/** How to get to servers. Default: directly, trusting whom Node trusts. */
type HttpWay = Pick<FetchOptions, 'proxies' | 'trusting'>

/** Reads data that other servers keep, from the URLs that somebody registered as locations. */
export class HttpStore implements Store {
  readonly id: string
  readonly writable = false
  readonly schemes: readonly string[] = HTTP_SCHEMES
  readonly #filter: UriFilter
  readonly #way: HttpWay | null

  /** `filter` is held against every URL, each time. Without a way it knows its URLs, and reads nothing. */
  constructor(id: string, filter: UriFilter, way: HttpWay | null = {}) {
    this.id = id
    this.#filter = filter
    this.#way = way
  }

  /** @throws {GlanceError} `usage` for a file of authorities that is none. */
  static async open(
    id: string,
    filter: UriFilter,
    { cacert, insecure, proxies }: HttpSettings,
  ): Promise<HttpStore> {
    const trusting = trustingOf(await readTls({ cacert, insecure }))
    return new HttpStore(id, filter, { proxies, trusting })
  }

  locate(): Location {
    throw this.#readOnly()
  }

  holds({ url }: Location): boolean {
    return this.schemes.includes(schemeOf(url)) && URL.canParse(url)
  }

  async add(): Promise<never> {
    throw this.#readOnly()
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    const last = range === null ? 0 : range.offset + range.length - 1
    const isEmpty = range?.length === 0
    const headers: Record<string, string> =
      range === null || isEmpty ? {} : { range: `bytes=${range.offset}-${last}` }
    const answer = await this.#ask('GET', at, headers, signal)
    const body = bodyOf(answer, new URL(at.url), { signal })
    if (range === null) return abortable(body, signal)
    if (answer.statusCode === 206 && startOf(answer) === range.offset) {
      return abortable(verifySize(body, range.length), signal)
    }
    // The server does not know ranges: we read up to ours.
    const size = sizeOf(answer)
    if (size !== null) {
      try {
        checkRange(range, size)
      } catch (error) {
        answer.destroy()
        throw error
      }
    }
    return abortable(verifySize(slice(body, range), range.length), signal)
  }

  async size(at: Location, { signal }: Abortable = {}): Promise<number> {
    const answer = await this.#ask('HEAD', at, {}, signal)
    answer.destroy()
    // As Glance, to which no size is none.
    return sizeOf(answer) ?? 0
  }

  async delete(): Promise<never> {
    throw this.#readOnly()
  }

  async recover(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #ask(
    method: 'GET' | 'HEAD',
    { url }: Location,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    if (!this.holds({ url })) throw new GlanceError('invalid', `store ${this.id} reads no such URL`)
    if (this.#way === null) {
      const message = `store ${this.id} is configured wrongly, and reads nothing by another way than the one that is meant`
      throw new GlanceError('unavailable', message)
    }
    const asked = { method, headers, filter: this.#filter, ...this.#way, signal }
    const answer = await fetchUrl(new URL(url), asked)
    const status = answer.statusCode ?? 0
    if (status === 200 || status === 206) return answer
    answer.destroy()
    const message = `store ${this.id}: the server answered ${status}`
    if (status === 404 || status === 410) throw new GlanceError('not_found', message)
    if (status === 416) throw new GlanceError('unsatisfiable_range', message)
    throw new GlanceError(status >= 500 ? 'unavailable' : 'invalid', message)
  }

  #readOnly(): GlanceError {
    return new GlanceError('unsupported', `store ${this.id} is read-only`)
  }
}

function sizeOf({ headers }: IncomingMessage): number | null {
  const length = headers['content-length']
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : null
}

/** Where the part that was sent begins, which is not always where it was to begin. */
function startOf({ headers }: IncomingMessage): number | null {
  const [, start] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
  return start === undefined ? null : Number(start)
}

async function* slice(
  data: Bytes,
  { offset, length }: ByteRange,
): AsyncGenerator<Uint8Array, void> {
  let position = 0
  for await (const chunk of data) {
    const part = chunk.subarray(
      Math.max(offset - position, 0),
      Math.max(offset + length - position, 0),
    )
    position += chunk.length
    if (part.length > 0) yield part
    if (position >= offset + length) return
  }
}
