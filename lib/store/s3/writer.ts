import { randomUUID } from 'node:crypto'
import type { S3 } from '@aws-sdk/client-s3'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { answerOf, isAbsent, isMissingBucket, s3Fault } from './faults.ts'
import type { PartReader } from './part-reader.ts'
import { partSizes } from './part-sizes.ts'
import { PartUploads } from './part-uploads.ts'
import { abortUpload, makeBucket } from './requests.ts'
import type { S3Settings } from './settings.ts'
import type { Turns } from './turns.ts'

/** The name of the metadata by which a writer knows its own object again. */
const WRITTEN_BY = 'glance-write'

/** What the writers of one store share. */
export interface Writing {
  readonly store: string
  readonly s3: S3
  readonly settings: S3Settings
  /** Of the writers of this process on one key, only one at a time makes its object. */
  readonly turns: Turns
  /** Whether the server knows conditional writes; until it says that it does not, we believe so. */
  conditional: boolean
}

/**
 * Writes one object, whole or not at all, unless there is one. What the stream
 * throws is thrown on. @throws {GlanceError} `duplicate`, `over_limit`, `unavailable`.
 */
export class S3Writer {
  readonly #writing: Writing
  readonly #stop: AbortController
  readonly #signal: AbortSignal
  readonly #target: { readonly Bucket: string; readonly Key: string }
  /** Unlike any other writer's, so that after an answer that was lost it can be told whose object is there. */
  readonly #metadata = { [WRITTEN_BY]: randomUUID() }
  #uploadId: string | undefined

  /** `stop` is what it fires itself when a part fails, so that nobody waits for the rest of the stream. */
  constructor(writing: Writing, key: string, stop: AbortController, signal: AbortSignal) {
    this.#writing = writing
    this.#target = { Bucket: writing.settings.bucket, Key: key }
    this.#stop = stop
    this.#signal = signal
  }

  /** Resolves to the size in bytes. When it rejects, neither object nor parts are left. */
  async write(data: PartReader, size: number | null): Promise<number> {
    try {
      const { largeObjectSize, largeObjectChunkSize } = this.#writing.settings
      if (size !== null && size < largeObjectSize && size <= largeObjectChunkSize) {
        const whole = await readPart(data, size)
        await this.#put(whole)
        return whole.length
      }
      if (size !== null) return await this.#parts(data, size, null)
      const first = await readPart(data, largeObjectChunkSize)
      if (first.length === largeObjectChunkSize) return await this.#parts(data, null, first)
      await this.#put(first)
      return first.length
    } catch (error) {
      this.#stop.abort(error)
      await this.#abandon()
      if (this.#signal.aborted) throw this.#signal.reason
      throw error
    }
  }

  async #put(body: Uint8Array): Promise<void> {
    const options = { abortSignal: this.#signal }
    const put = {
      ...this.#target,
      Body: body,
      ContentLength: body.length,
      Metadata: this.#metadata,
    }
    const send = (condition: Condition) =>
      this.#writing.s3.putObject({ ...put, ...condition }, options)
    await this.#commit('PutObject', send)
  }

  async #parts(data: PartReader, size: number | null, first: Uint8Array | null): Promise<number> {
    const { s3, settings } = this.#writing
    const create = { ...this.#target, Metadata: this.#metadata }
    const { UploadId } = await this.#inBucket('CreateMultipartUpload', async () =>
      s3.createMultipartUpload(create, { abortSignal: this.#signal }),
    )
    if (UploadId === undefined) throw new GlanceError('unavailable', 'an upload without an id')
    this.#uploadId = UploadId
    const uploads = new PartUploads(
      async (number, part) => this.#part(UploadId, number, part),
      error => this.#stop.abort(this.#fault('UploadPart', error)),
    )
    const sizes = partSizes(settings, size)
    let total = 0
    try {
      for (let number = 1; ; number += 1) {
        const wanted = sizes.size(number)
        const isFirst = number === 1 && first !== null
        const buffer = isFirst ? first : await uploads.room(sizes.atOnce(wanted), wanted)
        const filled = isFirst ? first.length : await data.fill(buffer)
        this.#signal.throwIfAborted()
        if (filled > 0) uploads.start(number, buffer, filled)
        total += filled
        // When the size is known, the last of the data was held back until all was seen to be right.
        if (filled < wanted || total === size) break
      }
    } catch (error) {
      this.#stop.abort(error)
      await uploads.settle() // A part that arrives after the upload is removed may be kept.
      throw error
    }
    const Parts = await uploads.settle()
    this.#signal.throwIfAborted()
    const complete = { ...this.#target, UploadId, MultipartUpload: { Parts } }
    // Not to be stopped any more: it takes a moment, and afterwards nobody could say what there is.
    await this.#commit('CompleteMultipartUpload', async condition =>
      s3.completeMultipartUpload({ ...complete, ...condition }),
    )
    this.#uploadId = undefined
    return total
  }

  async #part(uploadId: string, number: number, body: Uint8Array): Promise<string | undefined> {
    const part = { UploadId: uploadId, PartNumber: number, Body: body, ContentLength: body.length }
    const options = { abortSignal: this.#signal }
    const { ETag } = await this.#writing.s3.uploadPart({ ...this.#target, ...part }, options)
    return ETag
  }

  /**
   * Makes the object unless there is one. Servers that know conditional writes see to it; for others it is looked before,
   * as Glance does, and writers of this process wait for each other.
   */
  async #commit(asked: string, send: (condition: Condition) => Promise<unknown>): Promise<void> {
    const { turns, store } = this.#writing
    const duplicate = () =>
      new GlanceError('duplicate', `store ${store} has data of image ${this.#target.Key} already`)
    await turns.take(this.#target.Key, async () => {
      if ((await this.#whose()) === 'another') throw duplicate()
      try {
        await this.#inBucket(asked, async () => this.#conditionally(send))
      } catch (error) {
        if (this.#signal.aborted) throw error
        // The answer to what was done may have been lost, and that to a second attempt be a refusal.
        const whose = await this.#whose().catch(() => 'unknown')
        if (whose === 'ours') return
        if (whose === 'another') throw duplicate()
        throw error
      }
    })
  }

  async #conditionally(send: (condition: Condition) => Promise<unknown>): Promise<void> {
    if (this.#writing.conditional) {
      try {
        await send({ IfNoneMatch: '*' })
        return
      } catch (error) {
        if (answerOf(error)?.status !== 501) throw error
        this.#writing.conditional = false
      }
    }
    await send({})
  }

  /** Does it, and again with a new bucket when there is none. */
  async #inBucket<T>(asked: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isMissingBucket(error)) throw this.#fault(asked, error)
    }
    const { s3, settings, store } = this.#writing
    if (!settings.createBucketOnPut) {
      const hint = 'create it, or set s3_store_create_bucket_on_put to have it created'
      const message = `store ${store}: there is no bucket ${settings.bucket}: ${hint}`
      throw new GlanceError('unavailable', message)
    }
    await makeBucket(s3, settings).catch((error: unknown) => {
      throw this.#fault('CreateBucket', error)
    })
    return work().catch((error: unknown) => {
      throw this.#fault(asked, error)
    })
  }

  async #whose(): Promise<'nobody' | 'ours' | 'another'> {
    try {
      const { Metadata } = await this.#writing.s3.headObject(this.#target)
      return Metadata?.[WRITTEN_BY] === this.#metadata[WRITTEN_BY] ? 'ours' : 'another'
    } catch (error) {
      if (isAbsent(error)) return 'nobody'
      throw this.#fault('HeadObject', error)
    }
  }

  /** To a writer, what is not there is no different from what does not work. */
  #fault(asked: string, error: unknown): Error {
    const fault = s3Fault(this.#writing.store, asked, error)
    if (!isGlanceError(fault, 'not_found')) return fault
    return new GlanceError('unavailable', fault.message)
  }

  /** Removes what there is of ours. What cannot be removed now is left to `recover`: there is an error to tell already. */
  async #abandon(): Promise<void> {
    const { s3 } = this.#writing
    try {
      if (this.#uploadId !== undefined) {
        await abortUpload(s3, { ...this.#target, UploadId: this.#uploadId })
      }
      if ((await this.#whose()) === 'ours') await s3.deleteObject(this.#target)
    } catch {
      // Said above.
    }
  }
}

interface Condition {
  readonly IfNoneMatch?: '*'
}

/** What comes next of the stream, at most `size` bytes. */
async function readPart(data: PartReader, size: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(size)
  return buffer.subarray(0, await data.fill(buffer))
}
