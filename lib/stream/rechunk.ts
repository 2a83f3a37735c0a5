import type { Bytes } from './bytes.ts'

/**
 * The same bytes in chunks of `size`, the last one shorter: few large writes instead of many small ones. What comes in
 * chunks of `enough` bytes, by default as many, is passed on as it comes, cut where it is longer than `size`.
 */
export async function* rechunk(
  data: Bytes,
  size: number,
  enough: number = size,
): AsyncGenerator<Uint8Array, void> {
  let buffer: Buffer | undefined
  let filled = 0
  for await (const chunk of data) {
    for (let offset = 0; offset < chunk.length;) {
      const taken = Math.min(size - filled, chunk.length - offset)
      const bytes = chunk.subarray(offset, offset + taken)
      offset += taken
      if (filled === 0 && taken >= Math.min(enough, size)) {
        yield bytes
        continue
      }
      buffer ??= Buffer.allocUnsafe(size)
      buffer.set(bytes, filled)
      filled += taken
      if (filled === size) {
        yield buffer
        filled = 0
      }
    }
  }
  if (filled > 0) yield buffer?.subarray(0, filled) ?? new Uint8Array()
}
