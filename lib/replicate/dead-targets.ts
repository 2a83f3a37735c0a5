import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import { overriding } from './overriding.ts'
import type { DataSource } from './transfer.ts'

/** Which of several targets answer nothing any more, so that nobody needs to wait for them with each image anew. */
export class DeadTargets {
  readonly #concurrency: () => number
  readonly #failures = new Map<Endpoint, number>()
  /** What was no target's fault. */
  readonly #ofSource = new WeakSet<object>()

  /** More images than are copied at once have to fail in a row: one short outage strikes all of those. */
  constructor(concurrency: () => number) {
    this.#concurrency = concurrency
  }

  /** The source, of whose failures a note is made. */
  watching(source: DataSource): DataSource {
    const noting = async <T>(work: () => Promise<T>) => {
      try {
        return await work()
      } catch (error) {
        throw this.#noted(error)
      }
    }
    return overriding(source, {
      data: async (image, options) => {
        const data = await noting(async () => await source.data(image, options))
        const { openRange } = data
        return {
          ...data,
          open: async options => this.#read(await noting(async () => await data.open(options))),
          openRange:
            openRange &&
            (async (range, options) =>
              this.#read(await noting(async () => await openRange(range, options)))),
        }
      },
    })
  }

  /** The target has taken an image, or refused it. */
  lives(target: Endpoint): void {
    this.#failures.delete(target)
  }

  /** Takes it that an image has failed for good; returns why the target is to be given up, if it is. */
  failed(target: Endpoint, error: unknown): GlanceError | undefined {
    if (this.#isOfSource(error)) return undefined
    // What is to be tried again because of a refusal has been answered.
    const isAnswered = isGlanceError(error) && isGlanceError(error.cause, 'conflict', 'over_limit')
    if (isAnswered || !isGlanceError(error, 'unavailable', 'unreachable')) {
      this.lives(target)
      return undefined
    }
    const failures = (this.#failures.get(target) ?? 0) + 1
    this.#failures.set(target, failures)
    if (failures <= this.#concurrency()) return undefined
    const message = `${failures} images in a row failed, the last with: ${messageOf(error)}`
    return new GlanceError(error.code, message, { cause: error })
  }

  async *#read(bytes: Bytes): Bytes {
    try {
      yield* bytes
    } catch (error) {
      throw this.#noted(error)
    }
  }

  #noted(error: unknown): unknown {
    if (error instanceof Error) this.#ofSource.add(error)
    return error
  }

  #isOfSource(error: unknown): boolean {
    for (let each = error; each instanceof Error; each = each.cause) {
      if (this.#ofSource.has(each)) return true
    }
    return false
  }
}
