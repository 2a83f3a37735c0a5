import { createHash } from 'node:crypto'
import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import { type DigestAlgorithm, isDigestAlgorithm } from '../image/digest.ts'
import type { Image } from '../image/image.ts'
import { Hasher } from '../stream/digest.ts'

/** One side of a comparison: where, and the image as it is there. */
export interface Side {
  readonly endpoint: Endpoint
  readonly image: Image
}

export interface ReadOptions extends Omit<AttemptOptions, 'onRetry'> {
  /** Told how many bytes more have been read; fewer than none when an attempt that failed is taken back. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * How it is known of an image's data on both sides that it is the same: `read` here just now, `recorded` by both services
 * in a digest that they have in common, or only its size is known, `unproved`.
 */
export type Proof = 'read' | 'recorded' | 'unproved'

/** What the records of both sides prove, when they do not contradict each other. */
export function recordedProof(source: Image, target: Image): Proof {
  const isChecksum = source.checksum !== null && target.checksum !== null
  const isDigest = source.digest !== null && source.digest.algorithm === target.digest?.algorithm
  return isChecksum || isDigest ? 'recorded' : 'unproved'
}

/** Whether the image is among `percent` of all, always the same ones, which are among those of any higher share. */
export function isSampled(id: string, percent: number): boolean {
  if (percent <= 0 || percent >= 100) return percent > 0
  const draw = createHash('sha256').update(id).digest().readUInt32BE()
  return draw < (percent / 100) * 2 ** 32
}

/**
 * Reads the data of both sides at once and compares them with each other and with what each side has recorded of its own.
 * Resolves to the bytes of one side. @throws {GlanceError} `corrupt`, naming the side and what is wrong with it; else
 * what reading throws.
 */
export async function compareData(
  source: Side,
  target: Side,
  options: ReadOptions = {},
): Promise<number> {
  const algorithms = new Set([source, target].flatMap(({ image }) => algorithmOf(image)))
  if (algorithms.size === 0) algorithms.add('sha256')
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])])
  // Both are waited for, so that nothing is read any more when this is over.
  const [one, other] = await Promise.all(
    [source, target].map(async side => {
      try {
        return await readSide(side, algorithms, { ...options, signal })
      } catch (error) {
        stop.abort(error) // The first failure is what the other side then fails with.
        return undefined
      }
    }),
  )
  if (one === undefined || other === undefined) throw stop.signal.reason
  for (const [algorithm, value] of one.digests) {
    const found = other.digests.get(algorithm)
    if (found === value) continue
    const message = `the data differs: its ${algorithm} is ${value} on the source, ${found} on the target`
    throw new GlanceError('corrupt', `image ${source.image.id}: ${message}`)
  }
  return one.size
}

interface Found {
  readonly size: number
  readonly digests: ReadonlyMap<DigestAlgorithm, string>
}

/** @throws {GlanceError} `corrupt` for data that is not what its own side has recorded. */
async function readSide(
  { endpoint, image }: Side,
  algorithms: ReadonlySet<DigestAlgorithm>,
  { onBytes = () => {}, ...options }: ReadOptions,
): Promise<Found> {
  let counted = 0
  const back = () => {
    onBytes(-counted)
    counted = 0
  }
  const read = async (): Promise<Found> => {
    const hasher = new Hasher(algorithms)
    const { signal } = options
    const data = await endpoint.data(image, { signal })
    for await (const chunk of await data.open({ signal })) {
      signal?.throwIfAborted()
      await hasher.update(chunk)
      counted += chunk.length
      onBytes(chunk.length)
    }
    const digests = new Map<DigestAlgorithm, string>()
    for (const algorithm of algorithms) digests.set(algorithm, await hasher.hex(algorithm))
    const found = { size: counted, digests }
    requireRecorded(image, endpoint, found)
    return found
  }
  return await withAttempts(read, { ...options, onRetry: back })
}

function requireRecorded(image: Image, endpoint: Endpoint, { size, digests }: Found): void {
  const recorded: [string, string | number | null, string | number][] = [['size', image.size, size]]
  for (const [algorithm, value] of digests) {
    if (algorithm === 'md5') recorded.push(['md5', image.checksum?.toLowerCase() ?? null, value])
    if (algorithm === image.digest?.algorithm)
      recorded.push([algorithm, image.digest.value.toLowerCase(), value])
  }
  for (const [what, wanted, found] of recorded) {
    if (wanted === null || wanted === found) continue
    const message = `the data in ${endpoint.name} is not what is recorded there: its ${what} is ${found}, not ${wanted}`
    throw new GlanceError('corrupt', `image ${image.id}: ${message}`)
  }
}

/** The best by which a side can be held to what it has recorded. */
function algorithmOf({ checksum, digest }: Image): readonly DigestAlgorithm[] {
  if (digest !== null && isDigestAlgorithm(digest.algorithm)) return [digest.algorithm]
  return checksum === null ? [] : ['md5']
}
