import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { Audited, Endpoint } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { isDigestAlgorithm } from '../image/digest.ts'
import { hasData, type Image } from '../image/image.ts'
import { meter } from '../stream/meter.ts'
import { verify } from '../stream/verify.ts'

/** What became of one image whose data was read and held against its digests. */
export interface Finding {
  /** The best name there is for the image. */
  readonly id: string
  readonly name: string | null
  /** Bytes. */
  readonly size: number | null
  /**
   * `corrupt`, `missing` and `extra` as `Audited.state`; `no_digest`: it has its size, and nothing else is known of it;
   * `no_data`: there is none to be read; `failed`: it could not be read.
   */
  readonly result: 'ok' | 'corrupt' | 'missing' | 'extra' | 'no_digest' | 'no_data' | 'failed'
  readonly error: unknown
}

export interface VerifyOptions extends AttemptOptions {
  /** How many images at once. Default 4. */
  readonly concurrency?: number | undefined
  /** How much of the images, evenly spread, from 0 to 1; at least one of them. Default 1. */
  readonly share?: number | undefined
  /** Where in each row of images the one is that is chosen, from 0 to 1. Default: anywhere. */
  readonly phase?: number | undefined
  /** Told of each image that will be read. */
  readonly onPlanned?: ((image: Image) => void) | undefined
  /** Told how many bytes have been read in all. */
  readonly onBytes?: ((total: number) => void) | undefined
}

/**
 * Reads the images of an endpoint again, several at once, and tells of each whether it is what is recorded of it. One
 * that is wrong does not stop the others. @throws what listing them throws, once those before have been told;
 * `signal.reason`.
 */
export async function* verifyImages(
  endpoint: Endpoint,
  { concurrency = 4, share = 1, phase = Math.random(), ...options }: VerifyOptions = {},
): AsyncGenerator<Finding> {
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])])
  const { onBytes = () => {}, onPlanned = () => {} } = options
  let total = 0
  const count = (bytes: number) => onBytes((total += bytes))
  const isReadOnce = endpoint.features.sequential === true
  const atOnce = isReadOnce ? 1 : concurrency
  const running = new Map<string, Promise<Finding>>()
  const first = async () => {
    const finding = await Promise.race(running.values())
    running.delete(finding.id)
    signal.throwIfAborted()
    return finding
  }
  const begin = (item: Audited) => {
    if (item.image !== null) onPlanned(item.image)
    running.set(item.id, check(endpoint, item, count, { ...options, signal }))
  }
  let [chosen, passedOver]: [number, Audited | undefined] = [phase, undefined]
  let some = false
  const unreadable: Finding[] = []
  try {
    const told = (id: string, error: unknown) => unreadable.push(faulty(id, null, null, error))
    for await (const item of items(endpoint, told, signal)) {
      yield* unreadable.splice(0)
      chosen += share
      // Of what is read once there is no going back to an image that was passed over.
      if (chosen < 1 && (some || !isReadOnce)) {
        passedOver = item
        continue
      }
      chosen = Math.max(chosen - 1, 0)
      some = true
      begin(item)
      if (running.size >= atOnce) yield await first()
    }
    yield* unreadable
    if (!some && passedOver !== undefined) begin(passedOver)
    while (running.size > 0) yield await first()
  } catch (error) {
    if (!signal.aborted) while (running.size > 0) yield await first()
    throw error
  } finally {
    stop.abort(new Error('nobody listens any more'))
    await Promise.allSettled(running.values())
  }
}

/** What is to be looked at: what should be there, where that is known, else what is listed. */
async function* items(
  endpoint: Endpoint,
  onUnreadable: (id: string, error: unknown) => void,
  signal: AbortSignal,
): AsyncGenerator<Audited> {
  if (endpoint.audit !== undefined) {
    yield* endpoint.audit({ signal })
    return
  }
  for await (const image of endpoint.list({ signal, onUnreadable })) {
    // A deactivated image cannot be read by everybody.
    const readable =
      image.status === 'deactivated' ? { ...image, status: 'queued' as const } : image
    yield { id: image.id, name: image.name, state: 'whole', image: readable, error: null }
  }
}

async function check(
  endpoint: Endpoint,
  { id, name, state, image, error }: Audited,
  count: (bytes: number) => void,
  options: AttemptOptions,
): Promise<Finding> {
  if (state === 'unreadable') return { id, name, size: null, result: 'failed', error }
  if (image === null || state !== 'whole') {
    return { id, name, size: null, result: state === 'whole' ? 'no_data' : state, error }
  }
  const { size } = image
  if (!hasData(image)) return { id, name, size, result: 'no_data', error: null }
  try {
    const read = await withAttempts(
      async () => await readThrough(endpoint, image, count, options),
      {
        ...options,
        worth: ['unavailable', 'unreachable'],
      },
    )
    const { checksum, digest } = image
    const proved = checksum !== null || (digest !== null && isDigestAlgorithm(digest.algorithm))
    const isProved = proved || read.isProved
    return { id, name, size: read.size, result: isProved ? 'ok' : 'no_digest', error: null }
  } catch (error) {
    return faulty(id, name, size, error)
  }
}

/** Reads all of the data, and resolves to how much it was, and whether its endpoint has a proof of it. */
async function readThrough(
  endpoint: Endpoint,
  image: Image,
  count: (bytes: number) => void,
  { signal }: AttemptOptions,
): Promise<{ readonly size: number; readonly isProved: boolean }> {
  // The digests are computed here, once, rather than by an endpoint that would do so as well.
  const data = await endpoint.data({ ...image, checksum: null, digest: null }, { signal })
  const { checksum, digest } = image
  const expected = { size: image.size ?? data.size, checksum, digest }
  let seen = 0
  for await (const _ of meter(verify(await data.open({ signal }), expected), total => {
    count(total - seen)
    seen = total
  })) {
    signal?.throwIfAborted()
  }
  return { size: seen, isProved: data.isProved?.() === true }
}

function faulty(id: string, name: string | null, size: number | null, error: unknown): Finding {
  const result = isGlanceError(error, 'corrupt')
    ? 'corrupt'
    : isGlanceError(error, 'not_found', 'gone')
      ? 'missing'
      : 'failed'
  return { id, name, size, result, error }
}
