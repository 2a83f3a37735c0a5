import type { IncomingMessage } from 'node:http'
import { GlanceError, isGlanceError } from '../errors.ts'
import { bodyOf, receive, send } from '../http/body.ts'
import type { DataConnections } from '../http/connections.ts'
import { briefly, faultOf, networkFault } from '../http/faults.ts'
import { redact } from '../http/redact.ts'
import type { Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { digested, Hasher } from '../stream/digest.ts'
import type { ByteRange } from '../stream/range.ts'
import { skip } from '../stream/skip.ts'
import { verify, verifySize } from '../stream/verify.ts'
import { type Digests, digestsFromHeader, REPR_DIGEST } from '../wire/repr-digest.ts'
import type { ImageData, OpenOptions } from './endpoint.ts'

/** How image data travels to and from one service. */
export interface Transport {
  readonly headers: Readonly<Record<string, string>>
  readonly connections: DataConnections
  readonly timeoutMs: number
  /** Milliseconds without a byte of a body after which it has failed. */
  readonly stallMs: number
  readonly signal: AbortSignal | undefined
}

/** Image data that is asked for. */
interface Download extends Transport {
  /** In bytes, at which to begin. */
  readonly offset: number
  /** Bytes of the whole. */
  readonly size: number | null
  /** Hex MD5 of the whole. */
  readonly checksum: string | null
  /** What is known of the whole by which it is proved once it is there, apart from its MD5. */
  readonly digest: ImageData['digest']
  /** What the reading that this one goes on with has been told of the data. */
  readonly version: OneVersion
}

/**
 * The data at `url` from `offset` on; what does not fit the size is `corrupt`. Where the service does not serve the range
 * that is asked for, as most stores do not, the data is read from its start and what is before it dropped. What has no
 * digest, by which bytes of two versions would be found out, is gone on with only where the service says that it is the
 * version that was begun.
 * @throws {GlanceError} `conflict` when there is no data; `corrupt` when it is, or may be, other data than it was.
 */
export async function download(url: URL, wanted: Download): Promise<Bytes> {
  const { offset, size } = wanted
  const answer =
    (offset > 0 ? await askForRange(url, wanted) : undefined) ?? (await ask(url, wanted))
  if (answer === undefined) return nothing()
  checkVersion(answer, url, wanted)
  if (answer.statusCode === 206) {
    return whole(answer, url, size === null ? null : size - offset, wanted)
  }
  const all = whole(answer, url, size, wanted)
  return offset === 0 ? all : skip(all, offset)
}

/** What the answers with one image's data have in common, from the first of them on; where they have it. */
export interface OneVersion {
  etag?: string | undefined
  md5?: string | undefined
  /** Last-Modified. */
  modified?: string | undefined
}

/** Notes what the first answer says, and holds the others against it. @throws {GlanceError} `corrupt`. */
function checkVersion(
  answer: IncomingMessage,
  url: URL,
  { offset, checksum, digest, version }: Download,
): void {
  const { etag, 'last-modified': modified, 'content-md5': md5 } = answer.headers
  const now: OneVersion = { etag, modified, md5: md5 === undefined ? undefined : String(md5) }
  if (offset === 0) return void Object.assign(version, now)
  if (checksum !== null || digest !== null) return
  const names = (['etag', 'md5', 'modified'] as const).filter(name => version[name] !== undefined)
  const isSame = names.length > 0 && names.every(name => now[name] === version[name])
  if (isSame) return
  answer.destroy()
  const isKnown = names.some(name => now[name] !== undefined)
  const why = isKnown ? CHANGED : 'nothing says that it holds the same data still: it has no digest'
  throw new GlanceError('corrupt', `GET ${redact(url)}: ${why}`)
}

/**
 * The bytes of a range of the data at `url`, and no others. @throws {GlanceError} `unsupported` where the service sends
 * anything else; `corrupt` when what it sends is of other data than `version`, or than what was wanted.
 */
export async function downloadRange(
  url: URL,
  { offset, length }: ByteRange,
  { size, checksum, ...transport }: Omit<Download, 'offset' | 'digest' | 'version'>,
  version: OneVersion,
): Promise<Bytes> {
  const last = offset + length - 1
  const headers = { ...transport.headers, range: `bytes=${offset}-${last}` }
  const answer = await get(url, { ...transport, headers })
  const status = answer.statusCode ?? 0
  if (status === 206) {
    checkSame(answer, url, checksum)
    const found = contentRange(answer.headers['content-range'])
    const { etag } = answer.headers
    const isOther = etag !== undefined && etag !== (version.etag ??= etag)
    if (isOther || (size !== null && found?.total !== undefined && found.total !== size)) {
      answer.destroy()
      throw new GlanceError('corrupt', `GET ${redact(url)}: ${CHANGED}`)
    }
    if (found?.first === offset && found.last === last) {
      return whole(answer, url, length, transport)
    }
  } else if (status !== 200 && status !== 400 && status !== 416) {
    const isBegun = version.etag !== undefined
    throw isBegun ? await lost(url, answer, headers) : await refusal('GET', url, answer, headers)
  }
  answer.destroy()
  const what = status === 206 ? 'another range' : String(status)
  throw new GlanceError('unsupported', `GET ${redact(url)}: ${what} in answer to a range`)
}

const CHANGED = 'it holds other data meanwhile'

/** @throws {GlanceError} `corrupt` unless the answer's MD5, where it names one, is that of the data. */
function checkSame(answer: IncomingMessage, url: URL, checksum: string | null): void {
  // Of a range too it is that of the whole (glance/api/v2/image_data.py).
  const md5 = String(answer.headers['content-md5']).toLowerCase()
  if (checksum === null || !/^[0-9a-f]{32}$/.test(md5) || md5 === checksum.toLowerCase()) return
  answer.destroy()
  throw new GlanceError('corrupt', `GET ${redact(url)}: ${CHANGED}`)
}

/** An answer that is waited for no longer than a byte of its body would be. */
async function get(
  url: URL,
  { headers, connections, timeoutMs, stallMs, signal }: Transport,
): Promise<IncomingMessage> {
  const patience = { timeoutMs: Math.min(timeoutMs, stallMs), signal }
  return await receive({ method: 'GET', url, headers, connections, ...patience })
}

/** The answer with all of it; undefined where that is no bytes. */
async function ask(url: URL, wanted: Download): Promise<IncomingMessage | undefined> {
  const { size, ...transport } = wanted
  const answer = await get(url, transport)
  const status = answer.statusCode ?? 0
  // What is other data already by its headers never reaches the target, where it would cost the image its id.
  if (status === 200) checkSame(answer, url, wanted.checksum)
  if (status === 200) return answer
  if (wanted.offset > 0) throw await lost(url, answer, wanted.headers)
  if (status >= 300) throw await refusal('GET', url, answer, wanted.headers)
  answer.destroy()
  // So v2 answers for data that is none as well as for none.
  if (status === 204 && size === 0) return undefined
  if (status === 204) throw new GlanceError('conflict', `GET ${redact(url)}: there is no data`)
  throw new GlanceError('unsupported', `GET ${redact(url)}: ${status} in answer to no range`)
}

/** The answer with the range, or with all where ranges are not known; undefined where they are refused. */
async function askForRange(
  url: URL,
  { offset, size, checksum, ...transport }: Download,
): Promise<IncomingMessage | undefined> {
  const headers = { ...transport.headers, range: `bytes=${offset}-` }
  const answer = await get(url, { ...transport, headers })
  const status = answer.statusCode ?? 0
  if (status === 200 || status === 206) checkSame(answer, url, checksum)
  if (status === 200) return answer
  if (status === 206 && isRest(answer.headers['content-range'], offset, size)) return answer
  if (status === 206 || status === 400 || status === 416) {
    answer.destroy()
    return undefined
  }
  throw await lost(url, answer, headers)
}

/** Why data cannot be gone on with that was there when it was begun. */
async function lost(
  url: URL,
  answer: IncomingMessage,
  sent: Transport['headers'],
): Promise<GlanceError> {
  const what = LOST[answer.statusCode ?? 0]
  if (what === undefined) return await refusal('GET', url, answer, sent)
  answer.destroy()
  const message = `GET ${redact(url)}: ${answer.statusCode}: ${what} any more, of which a part has been read`
  return new GlanceError('gone', message)
}

const LOST: Readonly<Record<number, string>> = {
  204: 'the image has no data',
  404: 'there is no such image',
  410: 'there is no such image',
}

/** Whether a Content-Range is that of all from `offset` on. */
function isRest(header: string | undefined, offset: number, size: number | null): boolean {
  const found = contentRange(header)
  if (found?.first !== offset) return false
  const { last, total = last + 1 } = found
  return total === last + 1 && (size === null || total === size)
}

/** What a Content-Range of an answer says; without a total where it does not know it. */
function contentRange(header = '') {
  const [, first, last, total] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(header) ?? []
  if (first === undefined) return undefined
  const known = total === '*' ? {} : { total: Number(total) }
  return { first: Number(first), last: Number(last), ...known }
}

async function* nothing(): Bytes {}

/** What data should be. */
export type Expected = Pick<ImageData, 'size' | 'checksum' | 'digest'>

/** Data that was sent. */
export interface Sent extends Expected {
  /** What the service has said at once of what it has stored. */
  readonly stored?: Digests | undefined
}

/**
 * Sends the data to `url` and resolves to what the service should then have. Every Glance computes the MD5 of what it
 * stores; data whose MD5 is not known is hashed on its way, and checked against whatever other digest it has.
 * @throws {GlanceError} by the answer, or what reading the data throws; the service then keeps nothing.
 */
export async function upload(url: URL, data: ImageData, transport: Transport): Promise<Sent> {
  const headers = { ...transport.headers, 'content-type': 'application/octet-stream' }
  const hasher = data.checksum === null ? new Hasher(['md5']) : undefined
  const answer = await send({ method: 'PUT', url, ...transport, headers }, data.size, async () => {
    const bytes = await data.open({ signal: transport.signal, isProvedLater: true })
    // Too few bytes would leave the service waiting for the rest, and more would be taken for another request.
    return hasher === undefined
      ? verifySize(bytes, data.size)
      : verify(digested(bytes, hasher), data)
  })
  if ((answer.statusCode ?? 0) >= 300) throw await refusal('PUT', url, answer, headers)
  answer.resume()
  const { size, digest } = data
  const checksum = hasher === undefined ? data.checksum : await hasher.hex('md5')
  return { size, checksum, digest, stored: storedDigests(answer) }
}

function storedDigests({ headers }: IncomingMessage): Digests | undefined {
  const said = headers[REPR_DIGEST]
  try {
    return typeof said === 'string' ? digestsFromHeader(said) : undefined
  } catch {
    return undefined // It is asked for then.
  }
}

/**
 * The data once its first chunk has come, to be opened once, as `options` say now. Disposal closes what has not been read.
 * @throws what opening it and reading that chunk throw.
 */
export async function begin(
  data: ImageData,
  options: OpenOptions,
): Promise<ImageData & AsyncDisposable> {
  const chunks = (await data.open(options))[Symbol.asyncIterator]()
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

/**
 * The image, which was `record` without its data, as far as the answer to the upload has proved that the service has the
 * data. Undefined when it is to be asked what it has, as every Glance has to be.
 */
export function provedAtOnce(record: Image, sent: Sent): Image | undefined {
  const { size, stored: { md5: checksum, ...others } = {} } = sent
  if (size === null || checksum === undefined) return undefined
  const [digest = null] = Object.entries(others).map(([algorithm, value]) => ({ algorithm, value }))
  const image: Image = { ...record, status: 'active', size, checksum, digest }
  return difference(image, sent) === undefined ? image : undefined
}

/** What an answer refuses, in the words of the service. */
export async function refusal(
  method: string,
  url: URL,
  answer: IncomingMessage,
  sent: Transport['headers'],
): Promise<GlanceError> {
  const text = await briefly(answer).catch(() => '')
  answer.destroy()
  return faultOf({ method, url, headers: sent }, answer.statusCode ?? 0, answer.headers, text)
}

/** The body, exactly `size` bytes of it when that is known. */
async function* whole(
  answer: IncomingMessage,
  url: URL,
  size: number | null,
  { stallMs, signal }: Transport,
): Bytes {
  try {
    yield* verifySize(bodyOf(answer, stallMs), size)
  } catch (error) {
    signal?.throwIfAborted()
    if (!isGlanceError(error)) throw networkFault({ method: 'GET', url, isAnswered: true }, error)
    throw new GlanceError(error.code, `GET ${redact(url)}: ${error.message}`, { cause: error })
  }
}
