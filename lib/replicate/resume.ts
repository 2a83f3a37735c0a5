import type { Abortable } from '../abort.ts'
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
  const { openRange } = data
  return {
    ...data,
    open: async ({ offset = 0, signal, isProvedLater } = {}) => {
      const begun = await data.open({ offset, signal, isProvedLater })
      const open = async (at: number) => await data.open({ offset: at, signal })
      return readOn(open, offset, { ...options, begun, signal })
    },
    openRange:
      openRange &&
      (async ({ offset, length }, { signal } = {}) => {
        const end = offset + length
        const open = async (at: number) =>
          await openRange({ offset: at, length: end - at }, { signal })
        return readOn(open, offset, { ...options, isPart: true, signal })
      }),
  }
}

interface ReadOnOptions extends ResumeOptions, Abortable {
  /** The reading from there on, where it has been opened already. */
  readonly begun?: Bytes | undefined
  /** Whether others are read meanwhile. Default false. */
  readonly isPart?: boolean | undefined
}

async function* readOn(
  open: (at: number) => Promise<Bytes>,
  from: number,
  { attempts = 3, delayMs, onResume, begun, isPart = false, signal }: ReadOnOptions,
): AsyncGenerator<Uint8Array, void> {
  let at = from
  let since = from
  for (let failures = 0, reading = begun; ;) {
    try {
      reading ??= await open(at)
      for await (const chunk of reading) {
        at += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      signal?.throwIfAborted()
      failures = at - since >= PROGRESS ? 1 : failures + 1
      since = at
      // What breaks off before its first byte has not been begun: another attempt costs nothing, unless it ends others.
      const isBegun = at > from || isPart
      const worth = isGlanceError(error, 'unavailable', 'unreachable') && isBegun
      if (!worth || failures >= attempts) throw error
      onResume?.(error, at)
      await pause(failures, error, { delayMs, signal })
      reading = undefined
    }
  }
}
