import type { Bytes } from './bytes.ts'

/** The bytes from `offset` on: those before it are read and dropped. */
export async function* skip(data: Bytes, offset: number): AsyncGenerator<Uint8Array, void> {
  let left = offset
  for await (const chunk of data) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left)
    left = Math.max(left - chunk.length, 0)
  }
}
