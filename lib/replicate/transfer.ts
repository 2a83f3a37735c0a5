import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { AddOptions, Endpoint, ImageData, Written } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { limitRate, type RateLimit } from '../stream/limit-rate.ts'
import { meter } from '../stream/meter.ts'
import type { Puller, PullingOptions } from './pull.ts'
import { type ResumeOptions, resuming } from './resume.ts'

export interface TransferOptions extends AttemptOptions {
  /** Told how many bytes of the present attempt have passed. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Whom the image is shared with afterwards. */
  readonly members?: AddOptions['members']
  /** How fast data may pass. Default: as fast as it comes. */
  readonly bandwidth?: RateLimit | undefined
  /** Has the target fetch the data by itself, where that is wanted. */
  readonly puller?: Puller | undefined
  /** Told when the data goes through us because the target could not fetch it. */
  readonly onRelay?: PullingOptions['onRelay']
  /** Told when reading the source goes on in the same attempt, and at which byte. */
  readonly onResume?: ResumeOptions['onResume']
  /** Told when the target has the data before this byte already. */
  readonly onContinue?: AddOptions['onContinue']
  /** Told when the target would read the data in ranges, and the source serves none: it is read in one go. */
  readonly onWhole?: ((error: unknown) => void) | undefined
}

/** What image data is read from. */
export type DataSource = Pick<Endpoint, 'features' | 'data'>

/**
 * Copies one image with its data, opening the source afresh for each attempt, which one that is read once allows only
 * until it has been opened. A reading that breaks off goes on in the same attempt where the source need not be read
 * again for that, or where the target takes no second attempt. Rejects with the last failure, or, when that only says
 * that an attempt before it had used the id up, with the one before.
 */
export async function transfer(
  image: Image,
  source: DataSource,
  target: Endpoint,
  {
    onBytes = () => {},
    onWhole = () => {},
    onResume,
    onContinue,
    onRelay,
    bandwidth,
    puller,
    members,
    ...options
  }: TransferOptions = {},
): Promise<Written> {
  const { attempts, delayMs, signal } = options
  const isReadOnce = source.features.sequential === true
  const goesOn = !isReadOnce && (source.features.ranges || !target.features.repeatable)
  let before: unknown
  let opened = false
  const onOpen = () => {
    opened = true
  }
  const again = () => !(opened && isReadOnce)
  const work = async (attempt: number) => {
    try {
      const found = await source.data(image, { signal })
      const pulled = await puller?.pull(image, found, { onBytes, onRelay, signal })
      if (pulled !== undefined) return pulled
      const data = goesOn ? resuming(found, { attempts, delayMs, onResume }) : found
      const limited = bandwidth === undefined ? data : atRate(data, bandwidth)
      const whole = watched(metered(limited, onOpen, onBytes), onWhole)
      return await target.add(image, whole, { signal, members, onContinue })
    } catch (error) {
      if (attempt > 1 && isGlanceError(error, 'duplicate')) throw before
      before = error
      throw error
    }
  }
  return await withAttempts(work, { ...options, again })
}

function atRate(data: ImageData, bandwidth: RateLimit): ImageData {
  const { openRange } = data
  return {
    ...data,
    open: async (options = {}) => limitRate(await data.open(options), bandwidth, options),
    openRange:
      openRange &&
      (async (range, options = {}) =>
        limitRate(await openRange(range, options), bandwidth, options)),
  }
}

function metered(data: ImageData, onOpen: () => void, onBytes: (bytes: number) => void): ImageData {
  const { openRange } = data
  let inRanges = 0
  return {
    ...data,
    open: async (options = {}) => {
      const { offset = 0 } = options
      onOpen()
      return meter(await data.open(options), bytes => onBytes(offset + bytes))
    },
    openRange:
      openRange &&
      (async (range, options) => {
        onOpen()
        let before = 0
        return meter(await openRange(range, options), bytes => {
          inRanges += bytes - before
          before = bytes
          onBytes(inRanges)
        })
      }),
  }
}

/** The same data, of which `onWhole` is told once when it turns out that the source serves no ranges. */
function watched(data: ImageData, onWhole: (error: unknown) => void): ImageData {
  const { openRange } = data
  let told = false
  const tell = (error: unknown): never => {
    if (isGlanceError(error, 'unsupported') && !told) {
      told = true
      onWhole(error)
    }
    throw error
  }
  return {
    ...data,
    openRange:
      openRange &&
      (async (range, options) => {
        const bytes = await openRange(range, options).catch(tell)
        return (async function* () {
          try {
            yield* bytes
          } catch (error) {
            tell(error)
          }
        })()
      }),
  }
}
