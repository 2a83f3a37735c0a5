import type { Readable, Writable } from 'node:stream'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { abortable } from '../stream/abortable.ts'
import {
  type ArchiveBytes,
  archiveBytes,
  archiveSink,
  streamBytes,
  streamSink,
} from './archive-file.ts'
import { ArchiveSource } from './archive-source.ts'
import { ArchiveTarget } from './archive-target.ts'
import { type ByteSink, type Compression, compressing, decompressed } from './compression.ts'
import type { Endpoint, Room } from './endpoint.ts'
import { roomForFile } from './free-space.ts'

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
 * until then stays; see `archiveSink`. @throws {GlanceError} `usage` for a terminal; `not_found`, `forbidden`; `unsupported` without zstd.
 */
export async function openArchive(path: string, options: ArchiveOptions): Promise<Endpoint> {
  const name = `tar:${path}`
  if (options.writable) {
    const sink = path === '-' ? outputSink(options) : await archiveSink(path, options)
    try {
      const packed = await compressing(sink, compressionOf(path))
      return new ArchiveTarget(name, packed, new Date(), async () => await roomForArchive(path))
    } catch (error) {
      await sink.abort()
      throw error
    }
  }
  const { bytes, close } = path === '-' ? inputBytes(options) : await archiveBytes(path, options)
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

function inputBytes({ streams }: ArchiveOptions): ArchiveBytes {
  const input = streams?.input()
  if (input === undefined) throw new GlanceError('usage', 'tar:-: there is no standard input')
  if (isTerminal(input)) {
    throw new GlanceError(
      'usage',
      'standard input is a terminal: an archive is to come from a file or a pipe',
    )
  }
  return streamBytes(input)
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
  return streamSink(output, { signal })
}

function isTerminal(stream: Readable | Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true
}
