import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { Endpoint, ImageData, Written } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { meter } from '../stream/meter.ts'

export interface TransferOptions extends AttemptOptions {
  /** Told how many bytes of the present attempt have passed. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * Copies one image with its data, opening the source afresh for each attempt, which one that is read once allows only until it
 * has been opened. Rejects with the last failure, or, when
 * that only says that an attempt before it had used the id up, with the one before.
 */
export async function transfer(
  image: Image,
  source: Endpoint,
  target: Endpoint,
  { onBytes = () => {}, ...options }: TransferOptions = {},
): Promise<Written> {
  const { signal } = options
  let before: unknown
  let opened = false
  const onOpen = () => {
    opened = true
  }
  const again = () => !(opened && source.features.sequential === true)
  const work = async (attempt: number) => {
    try {
      const data = metered(await source.data(image, { signal }), onOpen, onBytes)
      return await target.add(image, data, { signal })
    } catch (error) {
      if (attempt > 1 && isGlanceError(error, 'duplicate')) throw before
      before = error
      throw error
    }
  }
  return await withAttempts(work, { ...options, again })
}

function metered(data: ImageData, onOpen: () => void, onBytes: (bytes: number) => void): ImageData {
  return {
    ...data,
    open: async options => {
      onOpen()
      return meter(await data.open(options), onBytes)
    },
  }
}
