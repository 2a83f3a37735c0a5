import type { ByteRange } from '../../stream/range.ts'
import type { Ending, Running } from './program.ts'

/** What of a program's output is in the range; then how it ended, or null when it went on. It is gone in any case. */
export async function* outputOf(
  running: Running,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, Ending | null> {
  signal?.addEventListener('abort', running.kill)
  let position = 0
  try {
    running.stdin.end()
    for await (const chunk of running.stdout as AsyncIterable<Uint8Array>) {
      const [from, to] = [offset - position, offset + length - position]
      const part = chunk.subarray(Math.max(from, 0), Math.max(to, 0))
      position += chunk.length
      if (part.length > 0) yield part
      if (chunk.length >= to) return null
    }
    const ending = await running.ended
    signal?.throwIfAborted()
    return ending
  } finally {
    signal?.removeEventListener('abort', running.kill)
    running.kill()
    await running.ended.catch(() => {}) // It never began.
  }
}
