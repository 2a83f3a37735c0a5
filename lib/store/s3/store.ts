import { setMaxListeners } from 'node:events'
import type { Abortable } from '../../abort.ts'
import { GlanceError } from '../../errors.ts'
import { abortable } from '../../stream/abortable.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { type ByteRange, checkRange } from '../../stream/range.ts'
import { verifySize } from '../../stream/verify.ts'
import { checkImageId, isImageId } from '../location.ts'
import type { Location, Store, StoredData } from '../store.ts'
import { openClients, type S3Clients } from './client.ts'
import { isAbsent, isWithoutUploads, s3Fault } from './faults.ts'
import { storedIn } from './listing.ts'
import { hostOf, parseS3Location, S3_SCHEMES, s3Location } from './location.ts'
import { PartReader } from './part-reader.ts'
import { readObject } from './reader.ts'
import { abortUpload, partsOf, stoppedBy, uploadsIn } from './requests.ts'
import type { S3Settings } from './settings.ts'
import { Turns } from './turns.ts'
import { S3Writer, type Writing } from './writer.ts'

/** Milliseconds: an upload to which nothing has come for so long is of nobody who still writes. */
const ABANDONED_MS = 24 * 3600 * 1000

/**
 * Keeps the data of each image in an object of a bucket, named by the image's id, as Glance's own S3 store does. Reads what
 * is in other buckets of the server as well, by the credentials of the location.
 */
export class S3Store implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = S3_SCHEMES
  readonly #settings: S3Settings
  readonly #clients: S3Clients
  readonly #writing: Writing

  private constructor(id: string, settings: S3Settings, clients: S3Clients) {
    this.id = id
    this.#settings = settings
    this.#clients = clients
    const { own: s3 } = clients
    this.#writing = { store: id, s3, settings, turns: new Turns(), conditional: true }
  }

  /** Asks the server nothing yet. @throws {GlanceError} `usage` when the file of authorities cannot be read. */
  static async open(id: string, settings: S3Settings): Promise<S3Store> {
    return new S3Store(id, settings, await openClients(settings))
  }

  locate(id: string): Location {
    checkImageId(id)
    return s3Location(this.#settings, id)
  }

  holds(at: Location): boolean {
    const { endpoint, bucket, accessKey } = this.#settings
    try {
      const found = parseS3Location(at, this.#settings)
      return (
        found.secure === endpoint.startsWith('https:') &&
        found.host === hostOf(endpoint) &&
        found.bucket === bucket &&
        found.credentials?.accessKey === accessKey
      )
    } catch {
      return false // Not the location of an S3 object at all.
    }
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const location = this.locate(id)
    const stop = new AbortController()
    const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    setMaxListeners(0, both) // Each part that is on its way listens, and there may be any number.
    const source = new PartReader(verifySize(abortable(data, both), size))
    try {
      signal?.throwIfAborted()
      const { found } = await this.#head(location, signal)
      if (found !== null) {
        throw new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
      }
      const writer = new S3Writer(this.#writing, id, stop, both)
      return { location, size: await writer.write(source, size) }
    } finally {
      await source.close()
    }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    const { size, etag, s3, target } = await this.#find(at, signal)
    if (range !== null) checkRange(range, size)
    const wanted = range ?? { offset: 0, length: size }
    const reading = { store: this.id, s3, target, etag, range: wanted }
    return abortable(readObject(reading, signal), signal)
  }

  async size(at: Location, { signal }: Abortable = {}): Promise<number> {
    return (await this.#find(at, signal)).size
  }

  async delete(at: Location, { signal }: Abortable = {}): Promise<void> {
    const { s3, target, found } = await this.#head(at, signal)
    if (found === null) {
      // What may not be listed there, a writer of ours did not leave.
      if (this.holds(at)) await this.#abortUploads(target.Key, [403], signal)
      throw this.#absent(target)
    }
    await this.#ask('DeleteObject', signal, () => s3.deleteObject(target, stoppedBy(signal)))
  }

  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    try {
      yield* storedIn(this.#clients.own, this.#settings, signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw s3Fault(this.id, 'ListObjectsV2', error)
    }
  }

  /**
   * Removes the parts of uploads to keys that are ids of images, but for those of the last day: others may write to the same
   * bucket. What is left of one image, {@link delete} removes at once.
   */
  async recover({ signal }: Abortable = {}): Promise<void> {
    await this.#abortUploads(null, [], signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients[Symbol.dispose]()
  }

  /** Of one key, or of all that are ids if nobody goes on with them; answers with one of the `accepted` statuses say that there are none. */
  async #abortUploads(
    key: string | null,
    accepted: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { own: s3 } = this.#clients
    const { bucket: Bucket } = this.#settings
    const uploads = async (): Promise<void> => {
      const wanted = { bucket: Bucket, prefix: key }
      for await (const { Key, UploadId, Initiated } of uploadsIn(s3, wanted, signal)) {
        const upload = { Bucket, Key, UploadId }
        if (key === null) {
          if (!isImageId(Key) || !isAbandoned(Initiated)) continue
          const { lastAt } = await partsOf(s3, upload, signal)
          if (!isAbandoned(lastAt ?? Initiated)) continue
        } else if (Key !== key) continue
        await abortUpload(s3, upload)
      }
    }
    await this.#ask('ListMultipartUploads', signal, async () =>
      uploads().catch((error: unknown) => {
        if (!isWithoutUploads(error, accepted)) throw error
      }),
    )
  }

  /** What a location says, and what is there; null when nothing is. */
  async #head(at: Location, signal: AbortSignal | undefined) {
    const { bucket: Bucket, key: Key, credentials } = parseS3Location(at, this.#settings)
    const s3 = this.#clients.as(credentials)
    const target = { Bucket, Key }
    const found = await this.#ask('HeadObject', signal, async () =>
      s3.headObject(target, stoppedBy(signal)).catch((error: unknown) => {
        if (isAbsent(error)) return null
        throw error
      }),
    )
    return { s3, target, found }
  }

  async #find(at: Location, signal: AbortSignal | undefined) {
    const { s3, target, found } = await this.#head(at, signal)
    if (found === null) throw this.#absent(target)
    return { s3, target, size: found.ContentLength ?? 0, etag: found.ETag }
  }

  #absent({ Bucket, Key }: { readonly Bucket: string; readonly Key: string }): GlanceError {
    const message = `store ${this.id} has no object ${Key} in the bucket ${Bucket}`
    return new GlanceError('not_found', message)
  }

  async #ask<T>(
    asked: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      throw s3Fault(this.id, asked, error)
    }
  }
}

/** What has no time is as good as new. */
function isAbandoned(writtenAt: Date | undefined): boolean {
  return writtenAt !== undefined && Date.now() - writtenAt.getTime() > ABANDONED_MS
}
