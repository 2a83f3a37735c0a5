import type { IncomingMessage } from 'node:http'
import { GlanceError, isGlanceError } from '../errors.ts'
import { receive, send } from '../http/body.ts'
import type { DataConnections } from '../http/connections.ts'
import { briefly, faultOf, networkFault } from '../http/faults.ts'
import { redact, withoutTokens } from '../http/redact.ts'
import type { Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { digested, Hasher } from '../stream/digest.ts'
import { verify, verifySize } from '../stream/verify.ts'
import type { ImageData } from './endpoint.ts'

/** How image data travels to and from one service. */
export interface Transport {
  readonly headers: Readonly<Record<string, string>>
  readonly connections: DataConnections
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * The data at `url` from `offset` on. `size` is that of the whole; what does not fit it is `corrupt`.
 * @throws {GlanceError} `conflict` when there is no data; `unsupported` when `offset` is not honoured.
 */
export async function download(
  url: URL,
  {
    offset,
    size,
    ...transport
  }: Transport & { readonly offset: number; readonly size: number | null },
): Promise<Bytes> {
  const headers = {
    ...transport.headers,
    ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
  }
  const answer = await receive({ method: 'GET', url, ...transport, headers })
  const status = answer.statusCode ?? 0
  if (status === 200 && offset === 0) return whole(answer, url, size, transport.signal)
  if (status === 206 && offset > 0) {
    return whole(answer, url, size === null ? null : size - offset, transport.signal)
  }
  if (status >= 300) throw await refusal('GET', url, answer, headers)
  answer.destroy()
  // So v2 answers for data that is none as well as for none.
  if (status === 204 && size === 0) return nothing()
  if (status === 204) throw new GlanceError('conflict', `GET ${redact(url)}: there is no data`)
  throw new GlanceError('unsupported', `GET ${redact(url)}: ${status} in answer to a range`)
}

async function* nothing(): Bytes {}

/** What data should be. */
export type Expected = Pick<ImageData, 'size' | 'checksum' | 'digest'>

/**
 * Sends the data to `url` and resolves to what the service should then have. Every Glance computes the MD5 of what it
 * stores; data whose MD5 is not known is hashed on its way, and checked against whatever other digest it has.
 * @throws {GlanceError} by the answer, or what reading the data throws; the service then keeps nothing.
 */
export async function upload(url: URL, data: ImageData, transport: Transport): Promise<Expected> {
  const headers = { ...transport.headers, 'content-type': 'application/octet-stream' }
  const hasher = data.checksum === null ? new Hasher(['md5']) : undefined
  const answer = await send({ method: 'PUT', url, ...transport, headers }, data.size, async () => {
    const bytes = await data.open({ signal: transport.signal })
    // Too few bytes would leave the service waiting for the rest, and more would be taken for another request.
    return hasher === undefined
      ? verifySize(bytes, data.size)
      : verify(digested(bytes, hasher), data)
  })
  if ((answer.statusCode ?? 0) >= 300) throw await refusal('PUT', url, answer, headers)
  answer.resume()
  return hasher === undefined ? data : { ...data, checksum: await hasher.hex('md5') }
}

/**
 * The data once its first chunk has come, to be opened once. Disposal closes what has not been read.
 * @throws what opening it and reading that chunk throw.
 */
export async function begin(
  data: ImageData,
  signal: AbortSignal | undefined,
): Promise<ImageData & AsyncDisposable> {
  const chunks = (await data.open({ signal }))[Symbol.asyncIterator]()
  const first = await chunks.next()
  async function* all(): Bytes {
    for (let next = first; next.done !== true; next = await chunks.next()) yield next.value
  }
  return {
    ...data,
    open: async () => all(),
    [Symbol.asyncDispose]: async () => void (await chunks.return?.()),
  }
}

/** In which way the stored data is not what was sent; undefined when it is proved to be the same. */
export function difference(stored: Image, sent: Expected): string | undefined {
  if (stored.status !== 'active') return `nothing: its status is ${stored.status}`
  if (sent.size !== null && stored.size !== sent.size) return `${stored.size} of ${sent.size} bytes`
  if (sent.size === 0) return undefined // One nothing is like another, and v1 hashes none.
  if (sent.digest !== null && stored.digest?.algorithm === sent.digest.algorithm) {
    const { algorithm, value } = sent.digest
    return stored.digest.value === value ? undefined : `data of another ${algorithm}`
  }
  if (sent.checksum !== null && stored.checksum !== null) {
    return stored.checksum === sent.checksum ? undefined : 'data of another MD5'
  }
  return 'data that nothing proves: the two sides have no digest in common'
}

async function refusal(
  method: string,
  url: URL,
  answer: IncomingMessage,
  sent: Transport['headers'],
): Promise<GlanceError> {
  const text = await briefly(answer).catch(() => '')
  answer.destroy()
  return faultOf({ method, url }, answer.statusCode ?? 0, answer.headers, withoutTokens(text, sent))
}

/** The body, exactly `size` bytes of it when that is known. */
async function* whole(
  answer: IncomingMessage,
  url: URL,
  size: number | null,
  signal: AbortSignal | undefined,
): Bytes {
  try {
    yield* verifySize(answer as AsyncIterable<Buffer>, size)
  } catch (error) {
    signal?.throwIfAborted()
    if (!isGlanceError(error)) throw networkFault({ method: 'GET', url }, error)
    throw new GlanceError(error.code, `GET ${redact(url)}: ${error.message}`, { cause: error })
  }
}
