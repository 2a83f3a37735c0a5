import { constants, open as openCallback, type Stats } from 'node:fs'
import { open, readlink, rm, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { type Readable, Transform, type Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { ByteSink } from './compression.ts'
import { fileFault } from './file-fault.ts'
import { readFrom } from './read-file.ts'
import { sweep, WholeFile } from './whole-file.ts'

/** Milliseconds between two looks whether somebody reads from a pipe. */
const READER_MS = 200

/** What an archive is read from, and how that is closed. */
export interface ArchiveBytes {
  readonly bytes: Bytes
  close(): Promise<void>
}

/** The bytes of an archive that is named by its path: a file, a named pipe or a device. @throws {GlanceError} `usage` for a directory. */
export async function archiveBytes(
  file: string,
  { chunkSize, signal }: Abortable & { readonly chunkSize: number },
): Promise<ArchiveBytes> {
  const found = await stat(file).catch((error: unknown) => {
    throw fileFault(error, file)
  })
  requireNoFolder(file, found)
  if (!found.isFIFO()) {
    const offset = found.isFile() ? 0 : null
    return { bytes: readFrom(file, offset, chunkSize, { signal }), close: async () => {} }
  }
  const fd = await openPipe(file, constants.O_RDONLY)
  return streamBytes(new Socket({ fd, readable: true, writable: false }))
}

/** What comes from a stream. Nobody waits for who has nothing more to say. */
export function streamBytes(input: Readable): ArchiveBytes {
  return { bytes: input as AsyncIterable<Buffer>, close: async () => void input.destroy() } // A stream of bytes.
}

/**
 * Where an archive goes that is named by its path. A file, behind a link too, is written under another name, and has its own
 * once it is whole; what is there until then stays, and one in which images are missing is {@link incompleteName beside it}. A
 * pipe or a device is written to as it is. @throws {GlanceError} `usage` for a directory; `not_found`, `forbidden`.
 */
export async function archiveSink(file: string, { signal }: Abortable): Promise<ByteSink> {
  const found = await stat(file).catch(() => undefined)
  if (found !== undefined) requireNoFolder(file, found)
  const isOpen = /^\/dev\/(?:std(?:out|err)|fd\/\d+)$|^\/proc\//.test(file)
  if (found?.isFIFO() === true) {
    const fd = await openPipe(file, constants.O_WRONLY, signal)
    return streamSink(new Socket({ fd, readable: false, writable: true }), { signal, ends: true })
  }
  if (found !== undefined && (isOpen || !found.isFile())) return await deviceSink(file)
  return await fileSink(await behindLinks(file))
}

/** What is written goes to a stream, which is ended only when `ends` says so. */
export function streamSink(
  output: Writable,
  { signal, ends = false }: Abortable & { readonly ends?: boolean },
): ByteSink {
  output.on('error', () => {}) // Told to who writes.
  return {
    write: async chunk =>
      await new Promise((resolve, reject) => {
        // Whoever reads may have stopped to do so.
        const stop = () => reject(signal?.reason)
        if (signal?.aborted === true) return stop()
        signal?.addEventListener('abort', stop, { once: true })
        // What only passes it on has it for longer than it takes to say so.
        output.write(output instanceof Transform ? Uint8Array.from(chunk) : chunk, error => {
          signal?.removeEventListener('abort', stop)
          if (error) reject(error)
          else resolve()
        })
      }),
    end: async () => {
      if (ends) await new Promise<void>(done => output.end(done))
    },
    abort: async () => {
      if (ends) output.destroy()
    },
  }
}

/** Where an archive is kept in which images are missing: `a.tar.gz` is `a.incomplete.tar.gz` then. */
function incompleteName(file: string): string {
  const [, name = file, ending = ''] =
    /^(.+?)(\.(?:tar|tar\.gz|tgz|tar\.zst|tzst))?$/is.exec(file) ?? []
  return `${name}.incomplete${ending}`
}

async function fileSink(file: string): Promise<ByteSink> {
  const faulty = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw fileFault(error, file)
    }
  }
  const whole = await faulty(async () => {
    await sweep(dirname(file), `${basename(file)}.`)
    return await WholeFile.create(file)
  })
  const incomplete = incompleteName(file)
  return {
    write: async chunk => await faulty(async () => await whole.handle.writeFile(chunk)),
    end: async isWhole =>
      await faulty(async () => {
        if (isWhole) {
          await whole.commit()
          await rm(incomplete, { force: true }) // This has taken its place.
          return undefined
        }
        await whole.commit(incomplete)
        return `images are missing, so this is ${incomplete}; ${basename(file)} stays as it was`
      }),
    abort: async () => await whole[Symbol.asyncDispose](),
  }
}

/** Something that has no end that could be missing. */
async function deviceSink(file: string): Promise<ByteSink> {
  const faulty = (error: unknown) => {
    throw fileFault(error, file)
  }
  const handle = await open(file, constants.O_WRONLY | constants.O_APPEND).catch(faulty)
  const close = async () => await handle.close().catch(faulty)
  return {
    write: async chunk => await handle.writeFile(chunk).catch(faulty),
    end: close,
    abort: close,
  }
}

/** A pipe whose other end need not be there yet: who reads waits for its bytes, who writes for somebody to read. */
async function openPipe(file: string, flags: number, signal?: AbortSignal): Promise<number> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await openDescriptor(file, flags | constants.O_NONBLOCK)
    } catch (error) {
      const isAlone = error instanceof Error && 'code' in error && error.code === 'ENXIO'
      if (!isAlone) throw fileFault(error, file)
      await setTimeout(READER_MS, undefined, { signal }).catch(() => {}) // Told above.
    }
  }
}

/** A stream closes it, so that nobody else may. */
const openDescriptor = promisify(openCallback)

function requireNoFolder(file: string, found: Stats): void {
  if (!found.isDirectory()) return
  throw new GlanceError('usage', `${file}: this is a directory; call it dir:${file}`)
}

/** The file that is meant, which need not be there yet. */
async function behindLinks(file: string): Promise<string> {
  let at = file
  for (let links = 0; links < 40; links += 1) {
    const to = await readlink(at).catch(() => undefined)
    if (to === undefined) return at
    at = resolve(join(dirname(at), '.'), to)
  }
  return at
}
