import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import { GlanceError, messageOf } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import { collectText } from '../stream/text.ts'

/** Where bytes go one after the other; a chunk is the caller's again once it is written. */
export interface ByteSink {
  write(chunk: Uint8Array): Promise<void>
  /**
   * No more will come, and what came is there when this resolves, to what is to be known of where that is. It is not all
   * that was wanted when `isWhole` is false.
   */
  end(isWhole: boolean): Promise<string | undefined | void>
  /** No more will come, and what came is not to be kept where that can be helped. */
  abort(): Promise<void>
}

export type Compression = 'gzip' | 'zstd' | 'none'

/** What is written to `sink` is compressed first. @throws {GlanceError} `unsupported` where there is no zstd. */
export async function compressing(sink: ByteSink, compression: Compression): Promise<ByteSink> {
  if (compression === 'none') return sink
  if (compression === 'gzip') {
    const gzip = createGzip()
    return new Through({ input: gzip, output: gzip, ended: async () => {} }, sink)
  }
  return new Through(await startZstd('-qc'), sink)
}

/**
 * The bytes themselves when they are not compressed, which their beginning tells. What is cut short ends early: whether
 * that is so is for the reader to tell. @throws {GlanceError} `corrupt`; `unsupported` where there is no zstd.
 */
export async function* decompressed(bytes: Bytes): AsyncGenerator<Uint8Array, void> {
  const source = bytes[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  try {
    while (head.length < 4) {
      const next = await source.next()
      if (next.done === true) break
      head = Buffer.concat([head, next.value])
    }
    const all = (async function* () {
      yield head
      yield* { [Symbol.asyncIterator]: () => source }
    })()
    if (head.subarray(0, 2).equals(GZIP)) {
      const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })
      yield* through(all, { input: gunzip, output: gunzip, ended: async () => {} })
    } else if (head.subarray(0, 4).equals(ZSTD)) yield* through(all, await startZstd('-qdc'))
    else yield* all
  } finally {
    await source.return?.()
  }
}

const GZIP = Buffer.from([0x1f, 0x8b])
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** What bytes pass through. */
interface Passage {
  readonly input: Writable
  readonly output: Readable
  /** Rejects when what came out is not all of it. */
  ended(): Promise<void>
}

async function* through(
  bytes: Bytes,
  { input, output, ended }: Passage,
): AsyncGenerator<Uint8Array, void> {
  let failed: unknown
  const feeding = pipeline(copied(bytes), input).catch((error: unknown) => {
    failed = error
  })
  try {
    yield* output as AsyncIterable<Buffer> // A stream of bytes.
    await ended()
    await feeding
    if (failed !== undefined) throw failed
  } catch (error) {
    throw compressionFault(failed ?? error)
  } finally {
    input.destroy()
    output.destroy()
  }
}

/** Chunks that may be kept. */
async function* copied(bytes: Bytes): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) yield Buffer.from(chunk)
}

/** Passes what is written through a pair of streams, and what comes out of them on to a sink. */
class Through implements ByteSink {
  readonly #input: Writable
  readonly #output: Readable
  readonly #sink: ByteSink
  readonly #pumping: Promise<void>
  #error: unknown
  /** Tells the write that is under way. */
  #fail: (error: unknown) => void = () => {}

  constructor({ input, output, ended }: Passage, sink: ByteSink) {
    this.#input = input
    this.#output = output
    this.#sink = sink
    this.#pumping = this.#pump(ended)
    this.#pumping.catch(() => {}) // Told to who writes, or who ends.
    input.on('error', error => this.#failed(error))
  }

  async write(chunk: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error)
      this.#fail = reject
      this.#input.write(chunk, error => (error ? reject(this.#error ?? error) : resolve()))
    })
  }

  async end(isWhole: boolean): ReturnType<ByteSink['end']> {
    this.#input.end()
    await this.#pumping
    return await this.#sink.end(isWhole)
  }

  async abort(): Promise<void> {
    this.#input.destroy()
    this.#output.destroy()
    await this.#pumping.catch(() => {}) // That it ends is all that is wanted.
    await this.#sink.abort()
  }

  async #pump(ended: () => Promise<void>): Promise<void> {
    try {
      const output = this.#output as AsyncIterable<Buffer> // A stream of bytes.
      for await (const chunk of output) await this.#sink.write(chunk)
      await ended()
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  #failed(error: unknown): void {
    this.#error ??= error
    this.#fail(this.#error)
  }
}

async function startZstd(mode: string): Promise<Passage> {
  const zstd = spawn('zstd', [mode])
  const closed = once(zstd, 'close')
  closed.catch(() => {}) // It is asked for when what it said has been read.
  try {
    await once(zstd, 'spawn')
  } catch (cause) {
    const why = 'there is no such program here; install it, or use gzip'
    throw new GlanceError('unsupported', `zstd: ${why}`, { cause })
  }
  zstd.stdin.on('error', () => {}) // How it ends tells why it takes no more.
  const said = collectText(zstd.stderr as AsyncIterable<Buffer>, 65_536) // A stream of bytes.
  said.catch(() => {}) // As above.
  return {
    input: zstd.stdin,
    output: zstd.stdout,
    ended: async () => {
      const [status, signal] = (await closed) as [number | null, string | null] // As documented.
      if (status === 0) return
      const why = (await said).trim().replaceAll(/\s+/g, ' ') || `ended by ${signal ?? status}`
      throw new GlanceError('corrupt', `zstd: ${why}`)
    },
  }
}

function compressionFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!code.startsWith('Z_')) return error
  return new GlanceError('corrupt', `gzip: ${messageOf(error)}`, { cause: error })
}
