import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isGlanceError } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import { Crc32, summed } from '../stream/crc.ts'
import { rechunk } from '../stream/rechunk.ts'
import { skip } from '../stream/skip.ts'
import { writeData } from '../stream/sparse.ts'
import { verify } from '../stream/verify.ts'
import { renameDurably } from './durable.ts'
import type { ImageData } from './endpoint.ts'
import { fileFault } from './file-fault.ts'
import { type FillOptions, fillInRanges } from './fill-ranges.ts'
import { layout } from './layout.ts'
import { RangedFile } from './ranged-file.ts'
import { openRegular } from './regular-file.ts'
import { isGone, writerName } from '../writer.ts'

/** Milliseconds after which nobody is expected to go on with what was begun. */
const KEPT_MS = 7 * 24 * 3_600_000

interface WriteOptions extends FillOptions {
  /** Bytes of data from which on it is read in several ranges at once. */
  readonly cutoff: number
}

/** Data files of a dump that were begun and broken off, to be gone on with by whoever writes the same data next. */
export class UnfinishedFiles {
  readonly #folder: string
  /** Names of files that nobody writes now, by the data of which they are the beginning. */
  readonly #left: Map<string, string[]>

  private constructor(folder: string, left: Map<string, string[]>) {
    this.#folder = folder
    this.#left = left
  }

  /** For a folder that is only read. */
  static none(folder: string): UnfinishedFiles {
    return new UnfinishedFiles(folder, new Map())
  }

  /** Finds what killed writers left, and removes what is of no use: for complete images, or a week old. */
  static async find(folder: string): Promise<UnfinishedFiles> {
    const left = new Map<string, string[]>()
    const names = new Set(await readdir(folder))
    for (const name of names) {
      const begun = layout.beginningOf(name)
      const writer = layout.writerOf(name)
      if (writer === undefined ? begun === undefined : !(await isGone(writer))) continue
      const isWanted =
        begun !== undefined &&
        !names.has(basename(layout.data(folder, begun['id'] ?? ''))) &&
        (await ageOf(join(folder, name))) < KEPT_MS
      if (!isWanted) await rm(join(folder, name), { force: true })
      else left.set(keyOf(begun), [...(left.get(keyOf(begun)) ?? []), name])
    }
    return new UnfinishedFiles(folder, left)
  }

  /**
   * Writes the data of an image, which a digest proves, and only then gives it its name. What broke off before is read
   * again from the disk, and from there on from where it comes; the whole is verified. What breaks off because of its
   * source stays for the next time; wrong bytes, and what there is no room for, do not. Resolves to its CRC-32.
   */
  async write(id: string, data: ImageData, options: WriteOptions): Promise<string> {
    const file = layout.data(this.#folder, id)
    const stamp = stampOf(data)
    const partial = layout.unfinished(file, stamp, await writerName())
    const isBegun = await this.#take({ id, stamp }, data.size, partial)
    let crc32: string
    try {
      {
        await using handle = isBegun
          ? await openRegular(partial, constants.O_RDWR)
          : await open(partial, 'wx+')
        crc32 =
          (await filledInRanges(handle, data, options)) ??
          (await fillInOrder(partial, handle, data, options))
        await handle.sync()
      }
      await renameDurably(partial, file)
    } catch (error) {
      const stopped =
        options.signal?.aborted === true || isGlanceError(error, 'unavailable', 'unreachable')
      if (stopped && (await heldIn(partial, data.size)) > 0)
        await this.#leave({ id, stamp }, partial)
      else await rm(partial, { force: true })
      throw fileFault(error, file)
    }
    await this.#forget(id)
    return crc32
  }

  /** Makes that of what was begun of this data ours of which there is most; resolves to whether there is any. */
  async #take(begun: Beginning, size: number | null, partial: string): Promise<boolean> {
    const found = this.#left.get(keyOf(begun)) ?? []
    const weighed = await Promise.all(
      found.map(async name => ({ name, held: await heldIn(join(this.#folder, name), size) })),
    )
    const most = weighed.toSorted((one, other) => other.held - one.held)[0]
    if (most === undefined || most.held < 0) return false
    found.splice(found.indexOf(most.name), 1)
    try {
      await rename(join(this.#folder, most.name), partial)
      return true
    } catch {
      return false // Another writer was faster, or it cannot be had: then it is begun anew.
    }
  }

  /** Makes it nobody's, so that it can be told from what is still written. */
  async #leave(begun: Required<Beginning>, partial: string): Promise<void> {
    const left = layout.unfinished(layout.data(this.#folder, begun.id), begun.stamp)
    await rename(partial, left)
    const others = this.#left.get(keyOf(begun)) ?? []
    this.#left.set(keyOf(begun), [...new Set([...others, basename(left)])])
  }

  /** Removes what was begun of an image that is complete now. */
  async #forget(id: string): Promise<void> {
    for (const [key, names] of this.#left) {
      if (!key.startsWith(`${id}.`)) continue
      this.#left.delete(key)
      for (const name of names) await rm(join(this.#folder, name), { force: true })
    }
  }
}

interface Beginning {
  readonly id?: string
  readonly stamp?: string
}

function keyOf({ id = '', stamp = '' }: Beginning): string {
  return `${id}.${stamp}`
}

/** Says of what data a file is the beginning, so that what has changed at its source is not gone on with. */
function stampOf({ size, checksum, digest }: ImageData): string {
  const said = JSON.stringify([size, checksum, digest?.algorithm, digest?.value])
  return createHash('sha256').update(said).digest('hex').slice(0, 16)
}

/** The CRC-32 of the data once it is in the file and verified; undefined: the file is whole as far as it goes. */
async function filledInRanges(
  handle: FileHandle,
  data: ImageData,
  { ranges, cutoff, ...options }: WriteOptions,
): Promise<string | undefined> {
  const { size, openRange } = data
  if (size === null) return undefined
  let file = await RangedFile.find(handle, size)
  const isWorth = ranges > 1 && openRange !== undefined && size >= cutoff
  if (isWorth && (await handle.stat()).size < size) {
    file ??= await RangedFile.begin(handle, size, ranges)
  }
  if (file === undefined) return undefined
  const filled = await fillInRanges(handle, file, data, { ranges, ...options })
  await file.end()
  return filled
}

/** Goes on with the data where the file ends, and verifies the whole; resolves to its CRC-32. */
async function fillInOrder(
  partial: string,
  handle: FileHandle,
  data: ImageData,
  { chunkSize, sparse, signal }: FillOptions,
): Promise<string> {
  const { size: begun } = await handle.stat()
  const crc = new Crc32()
  const bytes = summed(verify(continued(partial, begun, data, signal), data), crc)
  await writeData(handle, skip(rechunk(bytes, chunkSize), begun), { from: begun, sparse })
  return crc.hex
}

/** What is on the disk, and then the rest from where it comes. */
async function* continued(
  partial: string,
  begun: number,
  data: ImageData,
  signal: AbortSignal | undefined,
): Bytes & AsyncGenerator<Uint8Array, void> {
  if (begun > 0) {
    const fd = await openRegular(partial)
    yield* createReadStream('', { fd, end: begun - 1, highWaterMark: 1024 * 1024, signal })
    signal?.throwIfAborted()
  }
  if (begun === 0 || begun !== data.size) yield* await data.open({ offset: begun, signal })
}

/** Bytes of the data that are in the file; less than 0 where that cannot be told. */
async function heldIn(file: string, size: number | null): Promise<number> {
  try {
    await using handle = await openRegular(file)
    const ranged = size === null ? undefined : await RangedFile.find(handle, size)
    return ranged?.held ?? (await handle.stat()).size
  } catch {
    return -1
  }
}

async function ageOf(file: string): Promise<number> {
  return await lstat(file).then(
    found => (found.isFile() ? Date.now() - found.mtimeMs : Infinity),
    () => Infinity,
  )
}
