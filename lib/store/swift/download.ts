import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { ByteRange } from '../../stream/range.ts'
import { skip } from '../../stream/skip.ts'
import type { SwiftClient } from './client.ts'

export interface DownloadOptions extends Abortable {
  readonly client: SwiftClient
  /** `container/object`. */
  readonly path: string
  /** Which bytes, of as many as there are. */
  readonly range: ByteRange
  readonly size: number
  /** How often to go on after the connection broke off. */
  readonly retries: number
}

/**
 * The bytes of a part of an object. Asks for them when it is first asked for a chunk, so that what nobody reads holds
 * no connection. @throws {GlanceError} `gone` when there is no object any more; `corrupt` for another number of bytes;
 * `unavailable`.
 */
export async function* download(options: DownloadOptions): AsyncGenerator<Uint8Array, void> {
  const { range, retries, signal } = options
  let read = 0
  for (let failures = 0; read < range.length; failures += 1) {
    try {
      for await (const chunk of rest(options, read)) {
        read += chunk.length
        yield chunk
      }
    } catch (error) {
      signal?.throwIfAborted()
      const isBreak = !isGlanceError(error) || isGlanceError(error, 'unavailable')
      if (!isBreak) throw error
      if (failures >= retries) {
        if (isGlanceError(error)) throw error
        const message = `Swift broke off after ${read} of ${range.length} bytes: ${messageOf(error)}`
        throw new GlanceError('unavailable', message, { cause: error })
      }
      continue
    }
    if (read < range.length && failures >= retries) {
      const message = `Swift's answer ends after ${read} of ${range.length} bytes`
      throw new GlanceError('corrupt', message)
    }
  }
}

/** What of the part has not been read, at most. */
async function* rest(
  { client, path, range, size, signal }: DownloadOptions,
  read: number,
): AsyncGenerator<Uint8Array, void> {
  const offset = range.offset + read
  let left = range.length - read
  const isWhole = offset === 0 && left === size
  const headers = isWhole ? {} : { range: `bytes=${offset}-${offset + left - 1}` }
  const answer = await client.get(path, headers, { signal }).catch((error: unknown) => {
    if (!isGlanceError(error, 'not_found', 'unsatisfiable_range')) throw error
    throw new GlanceError('gone', 'the object was removed before it could be read')
  })
  const body = client.bodyOf(answer)
  // A manifest of very many segments is read as a whole only.
  const bytes = answer.statusCode === 206 ? body : skip(body, offset)
  const [, first] = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '') ?? []
  if (answer.statusCode === 206 && Number(first) !== offset) {
    answer.destroy()
    throw new GlanceError('corrupt', `Swift sends bytes from ${first} on, not from ${offset}`)
  }
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(0, left)
    left -= wanted.length
    if (wanted.length > 0) yield wanted
    if (left === 0 && answer.statusCode === 206) continue // The end is to be seen, for the connection to be kept.
    if (left === 0 && !isWhole) return
    if (chunk.length > wanted.length && isWhole) {
      throw new GlanceError('corrupt', `the object has more than the ${size} bytes that it had`)
    }
  }
}
