import type { Bytes } from './bytes.ts'

/** The same bytes in chunks of `size`, the last one shorter: few large writes instead of many small ones. */
export async function* rechunk(data: Bytes, size: number): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(size)
  let filled = 0
  for await (const chunk of data) {
    for (let offset = 0; offset < chunk.length;) {
      const taken = Math.min(size - filled, chunk.length - offset)
      buffer.set(chunk.subarray(offset, offset + taken), filled)
      filled += taken
      offset += taken
      if (filled === size) {
        yield buffer
        filled = 0
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}
