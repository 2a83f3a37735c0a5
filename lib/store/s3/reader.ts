import { Readable } from 'node:stream'
import type { S3 } from '@aws-sdk/client-s3'
import { GlanceError } from '../../errors.ts'
import type { ByteRange } from '../../stream/range.ts'
import { answerOf, isAbsent, s3Fault } from './faults.ts'
import { stoppedBy } from './requests.ts'

/** What is read. */
export interface S3Reading {
  readonly store: string
  readonly s3: S3
  readonly target: { readonly Bucket: string; readonly Key: string }
  /** Of the object that was found; what is another now is not read on. */
  readonly etag: string | undefined
  readonly range: ByteRange
}

/**
 * The bytes of a part of an object, asked for when they are first wanted. When the connection breaks it goes on where it
 * was, as long as that brings anything: who reads slowly is cut off by many servers.
 * @throws {GlanceError} `gone` when there is no such object any more; `corrupt` when it ends too early; `unavailable`.
 */
export async function* readObject(
  reading: S3Reading,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { store, range } = reading
  const end = range.offset + range.length
  for (let position = range.offset; position < end;) {
    const start = position
    const body = await openBody(reading, { offset: start, length: end - start }, signal)
    try {
      for await (const chunk of body) {
        position += chunk.length
        if (position > end) break
        yield chunk
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (position === start) throw s3Fault(store, 'reading', error)
      continue
    } finally {
      body.destroy()
    }
    if (position === end) return
    const message = `store ${store}: the object has another size than the ${range.length} bytes expected`
    throw new GlanceError('corrupt', message)
  }
}

async function openBody(
  { store, s3, target, etag, range: whole }: S3Reading,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Readable & AsyncIterable<Uint8Array>> {
  try {
    const { Body, ContentLength } = await s3.getObject(
      {
        ...target,
        ...(etag !== undefined && { IfMatch: etag }),
        Range: `bytes=${offset}-${offset + length - 1}`,
      },
      stoppedBy(signal),
    )
    if (!(Body instanceof Readable)) throw new TypeError('the SDK answers with streams on Node')
    if (ContentLength === undefined || ContentLength === length) return Body
    Body.destroy()
    const found = `${ContentLength} of ${length} bytes`
    throw new GlanceError('corrupt', `store ${store}: the S3 server has only ${found}`)
  } catch (error) {
    signal?.throwIfAborted()
    if (isAbsent(error) || answerOf(error)?.status === 412) {
      const when = offset === whole.offset ? 'before it could be read' : 'while it was read'
      throw new GlanceError('gone', `store ${store}: the object was removed ${when}`)
    }
    throw s3Fault(store, 'GetObject', error)
  }
}
