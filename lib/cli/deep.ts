import type { Options } from 'yargs'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { compareData, isSampled, type Proof, recordedProof } from '../replicate/deep.ts'
import { AT_ONCE } from './options.ts'
import type { Progress } from './progress.ts'

/** Options that say of which images the data is read. */
export interface DeepOptions {
  readonly deep: boolean
  readonly sample: string | undefined
  readonly concurrency: number
}

export const DEEP = {
  deep: {
    type: 'boolean',
    default: false,
    describe:
      'Read the data of both sides and compare it, rather than only what they have recorded',
  },
  sample: {
    type: 'string',
    requiresArg: true,
    describe: 'Read only P% of the images, always the same ones; with --deep or for it',
  },
  concurrency: { ...AT_ONCE, describe: 'Images read at once by --deep' },
} as const satisfies Record<string, Options>

/** The share in percent of the images whose data is to be read. @throws {GlanceError} `usage`. */
export function readShare({ deep, sample }: DeepOptions): number {
  if (sample === undefined) return deep ? 100 : 0
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(sample) ?? []
  const share = Number(digits ?? Number.NaN)
  if (share > 0 && share <= 100) return share
  throw new GlanceError('usage', `--sample: expected a share such as 5%, not '${sample}'`)
}

/** @throws {GlanceError} `usage` for an end whose data cannot be read while it is listed. */
export function requireReadable(...ends: readonly Endpoint[]): void {
  for (const { name, features } of ends) {
    if (features.sequential !== true) continue
    const message = `--deep, --sample: ${name} can be read only once; verify reads an archive`
    throw new GlanceError('usage', message)
  }
}

/** What is known of an image's data that both sides have. */
export interface DataFinding {
  readonly proof: Proof
  /** That it is not the same. */
  readonly differs: GlanceError | null
  /** That it could not be read. */
  readonly error: GlanceError | null
}

export interface DeepReaderOptions {
  readonly share: number
  readonly attempts: number
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** Compares the data of images that both sides have: by reading it, or by what is recorded. */
export class DeepReader {
  readonly #source: Endpoint
  readonly #target: Endpoint
  readonly #options: DeepReaderOptions
  #passed = 0
  /** Bytes that were read of images on one side. */
  bytes = 0

  constructor(source: Endpoint, target: Endpoint, options: DeepReaderOptions) {
    this.#source = source
    this.#target = target
    this.#options = options
  }

  /** Null where one of them has no data. @throws what is no failure of this image alone. */
  async compare(source: Image, target: Image): Promise<DataFinding | null> {
    if (source.size === null || target.size === null) return null
    const { share, attempts, progress, signal } = this.#options
    const proof = recordedProof(source, target)
    // Of a deactivated image not everybody gets the data.
    const isReadable = source.status === 'active' && target.status === 'active'
    if (!isReadable || !isSampled(source.id, share)) return { proof, differs: null, error: null }
    progress.expect(1, source.size + target.size)
    try {
      const read = await compareData(
        { endpoint: this.#source, image: source },
        { endpoint: this.#target, image: target },
        {
          attempts,
          signal,
          onBytes: bytes => {
            this.#passed += bytes
            progress.copied(this.#passed)
          },
        },
      )
      this.bytes += read
      return { proof: 'read', differs: null, error: null }
    } catch (error) {
      signal.throwIfAborted()
      if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
      return error.code === 'corrupt'
        ? { proof: 'read', differs: error, error: null }
        : { proof, differs: null, error }
    } finally {
      progress.finish()
    }
  }
}
