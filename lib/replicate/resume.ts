import { type AttemptOptions, pause } from '../attempts.ts'
import type { ImageData } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'

/** Bytes after which a source that breaks off is one that gets on. */
const PROGRESS = 16 * 1024 * 1024

export interface ResumeOptions extends Pick<AttemptOptions, 'attempts' | 'delayMs'> {
  /** Told of each failure that is followed by reading on, and the byte at which that begins. */
  readonly onResume?: ((error: unknown, offset: number) => void) | undefined
}

/**
 * The same data, of which a reading that breaks off in the middle goes on where it was: so often in a row as `attempts`
 * says, counted anew whenever 16 MiB have come. Whoever takes the bytes sees only a pause, and checks the whole as ever.
 */
export function resuming(data: ImageData, options: ResumeOptions): ImageData {
  return {
    ...data,
    open: async ({ offset = 0, signal } = {}) => {
      const begun = await data.open({ offset, signal })
      return readOn(data, begun, offset, { ...options, signal })
    },
  }
}

async function* readOn(
  data: ImageData,
  begun: Bytes,
  from: number,
  { attempts = 3, delayMs, onResume, signal }: ResumeOptions & Pick<AttemptOptions, 'signal'>,
): AsyncGenerator<Uint8Array, void> {
  let at = from
  let since = from
  for (let failures = 0, reading: Bytes | undefined = begun; ;) {
    try {
      reading ??= await data.open({ offset: at, signal })
      for await (const chunk of reading) {
        at += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      signal?.throwIfAborted()
      failures = at - since >= PROGRESS ? 1 : failures + 1
      since = at
      // What breaks off before its first byte has not been begun: another attempt costs nothing.
      const worth = isGlanceError(error, 'unavailable', 'unreachable') && at > from
      if (!worth || failures >= attempts) throw error
      onResume?.(error, at)
      await pause(failures, error, { delayMs, signal })
      reading = undefined
    }
  }
}
