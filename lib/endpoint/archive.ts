import { open, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { abortable } from '../stream/abortable.ts'
import type { Bytes } from '../stream/bytes.ts'
import { ArchiveSource } from './archive-source.ts'
import { ArchiveTarget } from './archive-target.ts'
import { type ByteSink, type Compression, compressing, decompressed } from './compression.ts'
import type { Endpoint, Room } from './endpoint.ts'
import { fileFault } from './file-fault.ts'
import { roomForFile } from './free-space.ts'
import { readFrom } from './read-file.ts'
import { sweep, WholeFile } from './whole-file.ts'

export interface ArchiveOptions extends Abortable {
  /** Whether it is to be written, anew, rather than read. */
  readonly writable: boolean
  /** Bytes read at a time. */
  readonly chunkSize: number
  /** What `-` stands for. */
  readonly streams?: StandardStreams | undefined
}

/** The ends of the program itself; opened only when they are asked for. */
export interface StandardStreams {
  input(): Readable
  output(): Writable
}

/**
 * Opens a tar archive; `-` is the standard input or output. What is read may be compressed by gzip or zstd whatever it is
 * called, what is written is when its name ends so. A file has its name once it is finished and whole, and what was there
 * until then stays; what is no file is written to as it is. @throws {GlanceError} `usage` for a terminal; `not_found`, `forbidden`; `unsupported` without zstd.
 */
export async function openArchive(path: string, options: ArchiveOptions): Promise<Endpoint> {
  const name = `tar:${path}`
  if (options.writable) {
    const sink = path === '-' ? outputSink(options) : await fileSink(path)
    try {
      const packed = await compressing(sink, compressionOf(path))
      return new ArchiveTarget(name, packed, new Date(), async () => await roomForArchive(path))
    } catch (error) {
      await sink.abort()
      throw error
    }
  }
  const { bytes, close } = path === '-' ? inputBytes(options) : await fileBytes(path, options)
  return new ArchiveSource(name, decompressed(abortable(bytes, options.signal)), close)
}

/** How much can be written to an archive that is to be at `path`. */
export async function roomForArchive(path: string): Promise<Room> {
  const isCompressed = compressionOf(path) !== 'none'
  if (path === '-') return { free: null, isCompressed, quotas: [] }
  return await roomForFile(path, isCompressed)
}

function compressionOf(path: string): Compression {
  if (/\.(gz|tgz)$/i.test(path)) return 'gzip'
  return /\.(zst|tzst)$/i.test(path) ? 'zstd' : 'none'
}

async function fileBytes(file: string, { chunkSize }: ArchiveOptions) {
  const found = await stat(file).catch((error: unknown) => {
    throw fileFault(error, file)
  })
  if (found.isDirectory()) {
    throw new GlanceError('usage', `${file}: this is a directory; call it dir:${file}`)
  }
  return { bytes: readFrom(file, 0, chunkSize), close: async () => {} }
}

function inputBytes({ streams }: ArchiveOptions): { bytes: Bytes; close: () => Promise<void> } {
  const input = streams?.input()
  if (input === undefined) throw new GlanceError('usage', 'tar:-: there is no standard input')
  if (isTerminal(input)) {
    throw new GlanceError(
      'usage',
      'standard input is a terminal: an archive is to come from a file or a pipe',
    )
  }
  const close = async () => {
    input.destroy() // Nobody is to be waited for who has nothing more to say.
  }
  return { bytes: input as AsyncIterable<Buffer>, close } // A stream of bytes.
}

async function fileSink(file: string): Promise<ByteSink> {
  const found = await stat(file).catch(() => undefined)
  // A device or a pipe is written to; in its place a file would be of no use to anybody.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) return await openSink(file)
  let whole: WholeFile
  try {
    await sweep(dirname(file), `${basename(file)}.`)
    whole = await WholeFile.create(file)
  } catch (error) {
    throw fileFault(error, file)
  }
  const faulty = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      throw fileFault(error, file)
    }
  }
  return {
    write: async chunk => await faulty(async () => await whole.handle.writeFile(chunk)),
    end: async () => await faulty(async () => await whole.commit()),
    abort: async () => await whole[Symbol.asyncDispose](),
  }
}

/** Something that is no file, and has no end that could be missing. */
async function openSink(file: string): Promise<ByteSink> {
  try {
    const handle = await open(file, 'w')
    const faulty = (error: unknown) => {
      throw fileFault(error, file)
    }
    const close = async () => await handle.close().catch(faulty)
    return {
      write: async chunk => await handle.writeFile(chunk).catch(faulty),
      end: close,
      abort: close,
    }
  } catch (error) {
    throw fileFault(error, file)
  }
}

function outputSink({ streams, signal }: ArchiveOptions): ByteSink {
  const output = streams?.output()
  if (output === undefined) throw new GlanceError('usage', 'tar:-: there is no standard output')
  if (isTerminal(output)) {
    throw new GlanceError(
      'usage',
      'standard output is a terminal: an archive is to go to a file or a pipe',
    )
  }
  return {
    write: async chunk =>
      await new Promise((resolve, reject) => {
        // Whoever reads may have stopped to do so.
        const stop = () => reject(signal?.reason)
        if (signal?.aborted === true) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        output.write(chunk, error => {
          signal?.removeEventListener('abort', stop)
          if (error) reject(error)
          else resolve()
        })
      }),
    end: async () => {},
    abort: async () => {},
  }
}

function isTerminal(stream: Readable | Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true
}
