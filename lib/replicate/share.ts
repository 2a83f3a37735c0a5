import type { Abortable } from '../abort.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { type ResumeOptions, resuming } from './resume.ts'
import type { DataSource } from './transfer.ts'

/** Bytes that the fastest of several targets may be ahead of the slowest. */
const AHEAD = 8 * 1024 * 1024
/** Milliseconds for which those who are ready wait for the others before they begin without them. */
const GATHER_MS = 10_000

/** One target's part in the reading of an image for several. */
export interface Share {
  /** Where the target's data comes from. */
  readonly source: DataSource
  /** It is done with the image, or never wanted its data. */
  leave(): void
}

/**
 * The data of an image for so many targets at once, read once. Reading begins when all of them are ready, and goes on
 * as fast as the slowest takes it once the fastest is 8 MiB ahead of it. What a target opens apart from that, because it
 * comes late or tries again, is read for it alone.
 */
export function share(
  image: Image,
  origin: Endpoint,
  count: number,
  options: ResumeOptions,
): readonly Share[] {
  const source = origin.features.sequential === true ? askedOnce(origin) : origin
  const reading = new Reading(image, source, count, options)
  // A reading that breaks off is gone on with for all of them.
  const features = { ...source.features, ranges: false }
  return Array.from({ length: count }, () => {
    let tap: Tap | undefined
    let isAwaited = true
    return {
      leave: () => {
        tap?.close()
        if (isAwaited) reading.leave()
        isAwaited = false
      },
      source: {
        features,
        data: async (image, options) => {
          const data = await source.data(image, options)
          return {
            ...data,
            open: async (how = {}) => {
              const { offset = 0, signal, isProvedLater = false } = how
              if (!isAwaited || offset > 0) return await data.open(how)
              isAwaited = false
              tap = reading.join(isProvedLater)
              return tap?.bytes({ signal }) ?? (await data.open(how))
            },
          }
        },
      },
    }
  })
}

/** A source that is read once tells of the image once for all. */
function askedOnce(source: Endpoint): DataSource {
  let found: ReturnType<Endpoint['data']> | undefined
  const { features } = source
  return { features, data: async (image, options) => await (found ??= source.data(image, options)) }
}

/** One reading of an image, from which several drink. */
class Reading {
  readonly #image: Image
  readonly #source: DataSource
  readonly #options: ResumeOptions
  readonly #stop = new AbortController()
  readonly #taps: Tap[] = []
  /** How many have neither joined nor left. */
  #awaited: number
  #begun = false
  /** Whether all who have joined prove what they have stored. */
  #isProvedLater = true
  #patience: NodeJS.Timeout | undefined

  constructor(image: Image, source: DataSource, count: number, options: ResumeOptions) {
    this.#image = image
    this.#source = source
    this.#awaited = count
    this.#options = options
  }

  /** The bytes for one of those who are awaited; undefined when it is too late. */
  join(isProvedLater: boolean): Tap | undefined {
    this.#awaited -= 1
    if (this.#begun) return undefined
    this.#isProvedLater &&= isProvedLater
    const tap = new Tap(() => this.#closed())
    this.#taps.push(tap)
    if (this.#awaited === 0) this.#begin()
    else this.#patience ??= setTimeout(() => this.#begin(), GATHER_MS)
    return tap
  }

  /** One of those who are awaited does not come. */
  leave(): void {
    this.#awaited -= 1
    if (this.#awaited === 0 && this.#taps.length > 0) this.#begin()
  }

  #closed(): void {
    if (!this.#taps.every(({ isClosed }) => isClosed)) return
    clearTimeout(this.#patience)
    this.#stop.abort(new Error('nobody reads any more'))
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    clearTimeout(this.#patience)
    void this.#read()
  }

  /** Never rejects: whoever drinks is told. */
  async #read(): Promise<void> {
    const { signal } = this.#stop
    try {
      const found = await this.#source.data(this.#image, { signal })
      const isReadOnce = this.#source.features.sequential === true
      const data = isReadOnce ? found : resuming(found, this.#options)
      const isProvedLater = this.#isProvedLater
      for await (const chunk of await data.open({ signal, isProvedLater })) {
        const open = this.#taps.filter(tap => !tap.isClosed)
        if (open.length === 0) return
        const kept = Buffer.from(chunk)
        for (const tap of open) tap.put(kept)
        await Promise.all(open.map(async tap => await tap.room()))
      }
      for (const tap of this.#taps) tap.end()
    } catch (error) {
      for (const tap of this.#taps) tap.end(error)
    }
  }
}

/** The bytes for one who drinks, at most so many ahead of what was taken. */
class Tap {
  readonly #chunks: Buffer[] = []
  #length = 0
  #ended = false
  #error: unknown
  #closed = false
  /** Wakes who reads, and who waits for room. */
  #wake = () => {}
  #makeRoom = () => {}
  readonly #onClosed: () => void

  constructor(onClosed: () => void) {
    this.#onClosed = onClosed
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Nobody takes anything any more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#makeRoom()
    this.#onClosed()
  }

  put(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    this.#wake()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#error ??= error
    this.#wake()
  }

  /** Resolves when more may be put, or nobody takes it any more. */
  async room(): Promise<void> {
    while (this.#length > AHEAD && !this.#closed) {
      await new Promise<void>(resolve => (this.#makeRoom = resolve))
    }
  }

  async *bytes({ signal }: Abortable): Bytes & AsyncGenerator<Uint8Array, void> {
    const stop = () => this.#wake()
    signal?.addEventListener('abort', stop)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          yield chunk
          this.#length -= chunk.length
          this.#makeRoom()
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error
          return
        } else {
          await new Promise<void>(resolve => (this.#wake = resolve))
        }
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      this.close()
    }
  }
}
