import type { Bytes } from '../stream/bytes.ts'

/** These chunks, in a buffer that is overwritten as soon as the next is asked for: who keeps a chunk is found out. */
export async function* bytesOf(
  ...chunks: readonly (string | Uint8Array)[]
): Bytes & AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) {
    const lent = Uint8Array.from(Buffer.from(chunk))
    yield lent
    lent.fill(0x21)
  }
}

/** `size` bytes of which no two nearby MiB are alike, in chunks of 1 MiB or less from one buffer. */
export async function* patternedBytes(size: number): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.alloc(Math.min(size, 1024 * 1024))
  for (let at = 0; at < size; at += buffer.length) {
    buffer.fill(`${at / 1024}|`)
    yield buffer.subarray(0, size - at)
  }
}

/** All of it, copied. */
export async function collect(data: Bytes): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of data) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** All there is, in the order in which it comes. */
export async function collectAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}
