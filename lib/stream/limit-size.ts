import { GlanceError } from '../errors.ts'
import type { Bytes } from './bytes.ts'

/** Passes on up to `limit` bytes, and ends in `over_limit` at the first chunk that goes beyond. */
export async function* limitSize(data: Bytes, limit: number): AsyncGenerator<Uint8Array, void> {
  let seen = 0
  for await (const chunk of data) {
    seen += chunk.length
    if (seen > limit) {
      throw new GlanceError('over_limit', `the image is larger than the ${limit} bytes allowed`)
    }
    yield chunk
  }
}
