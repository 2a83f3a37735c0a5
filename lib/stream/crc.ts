import { crc32 } from 'node:zlib'
import type { Bytes } from './bytes.ts'

/**
 * The CRC-32 of a stream, as gzip and zip compute it: a tenth of the work of a digest. It tells what happens to data by
 * itself, such as bits that a disk forgot, and nothing that somebody makes on purpose.
 */
export class Crc32 {
  #value = 0

  /** Takes the next chunk in. */
  update(chunk: Uint8Array): void {
    this.#value = crc32(chunk, this.#value)
  }

  /** Eight lower-case hex digits, of what was taken in so far. */
  get hex(): string {
    return this.#value.toString(16).padStart(8, '0')
  }
}

/** Passes the bytes through, and through `crc`, which is that of the whole once the stream has ended. */
export async function* summed(data: Bytes, crc: Crc32): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of data) {
    crc.update(chunk)
    yield chunk
  }
}
