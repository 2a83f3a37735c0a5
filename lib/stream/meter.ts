import type { Bytes } from './bytes.ts'

/** Passes the bytes on and tells `onBytes` after each chunk how many there were until then. */
export async function* meter(
  data: Bytes,
  onBytes: (total: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let total = 0
  for await (const chunk of data) {
    yield chunk
    // The next chunk is being asked for, so this one has been dealt with.
    total += chunk.length
    onBytes(total)
  }
}
