import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat } from 'node:fs/promises'
import { GlanceError, isGlanceError } from '../errors.ts'
import { hasData, type Image } from '../image/image.ts'
import { boundedLines, type Line } from '../stream/lines.ts'
import {
  goneLine,
  type ManifestEntry,
  type ManifestLine,
  manifestLine,
  parseManifestLine,
} from '../wire/manifest.ts'
import { fileFault } from './file-fault.ts'
import { LONGEST_LINE } from './layout.ts'
import { readHandle } from './read-file.ts'
import { openRegular, statRegular } from './regular-file.ts'
import { WholeFile } from './whole-file.ts'

/**
 * What a dump says its files are: a line of JSON for each image, appended before the image's metadata gets its name, so
 * that no complete image is without one. Of an image with several lines that one counts which its metadata is of: the
 * last of them, unless a writer was killed before it had done what it wrote down. What stands above a line that says that
 * the image is gone counts no more.
 */
export class Manifest {
  readonly file: string
  /** The lines of images that this writer has completed. */
  readonly #completed = new Map<string, string>()
  /** What it said when this was asked for first. */
  #seen: Promise<ReadonlyMap<string, Sums>> | undefined
  #known: { readonly stamp: string; readonly ids: ReadonlySet<string> } | undefined

  constructor(file: string) {
    this.file = file
  }

  async exists(): Promise<boolean> {
    return (await statRegular(this.file)) !== undefined
  }

  /**
   * Every entry, as they stand; nothing where there is no manifest. Lines that make no sense, as one that was cut off, are
   * left out and `onUnreadable` is told of them by their numbers.
   */
  async *read(
    onUnreadable: (line: number, error: unknown) => void = () => {},
  ): AsyncGenerator<ManifestLine> {
    await using handle = await this.#open()
    if (handle === undefined) return
    let number = 0
    for await (const line of linesOf(handle)) {
      number += 1
      try {
        yield entryIn(line)
      } catch (error) {
        onUnreadable(number, error)
      }
    }
  }

  /** Ids of the images that it has, which are not gone again; read anew where the file has changed. */
  async ids(): Promise<ReadonlySet<string>> {
    const found = await lstat(this.file).catch(() => undefined)
    const stamp = `${found?.ino} ${found?.size} ${found?.mtimeMs}`
    if (this.#known?.stamp !== stamp) this.#known = { stamp, ids: await this.#readIds() }
    return this.#known.ids
  }

  async #readIds(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    for await (const line of this.read()) {
      if ('gone' in line) ids.delete(line.id)
      else ids.add(line.id)
    }
    return ids
  }

  /** Writes down what an image's files are going to be. */
  async append(entry: ManifestEntry): Promise<void> {
    await this.#append(manifestLine(entry))
  }

  /** Writes down what the files of an image are that is there, unless that is done. */
  async ensure(entry: ManifestEntry): Promise<void> {
    this.#seen ??= this.#readAll()
    if ((await this.#seen).get(entry.id)?.has(entry.metadata.sha512) === true) return
    await this.append(entry)
    this.complete(entry)
  }

  /** The CRC-32 of the data that an image of such metadata has; null where it was not written down. */
  async crc32Of(id: string, metadata: string): Promise<string | null> {
    const wanted = sha512(metadata)
    const own = this.#completed.get(id)
    const line = own === undefined ? undefined : parseManifestLine(own)
    if (line !== undefined && 'metadata' in line && line.metadata.sha512 === wanted) {
      return line.data?.crc32 ?? null
    }
    this.#seen ??= this.#readAll()
    return (await this.#seen).get(id)?.get(wanted) ?? null
  }

  /** Writes down that an image is to go; its lines go when all is tidied up. Nothing where there is no manifest. */
  async drop(id: string): Promise<void> {
    if (!(await this.exists())) return
    await this.#append(goneLine(id))
    this.#completed.set(id, goneLine(id))
  }

  /** They are: what was written of the image before counts no more. */
  complete(entry: ManifestEntry): void {
    this.#completed.set(entry.id, manifestLine(entry))
  }

  /** Writes a manifest of all these images, where there is none. */
  async begin(entries: AsyncIterable<ManifestEntry>): Promise<void> {
    await using whole = await WholeFile.create(this.file)
    let some = false
    for await (const entry of entries) {
      await whole.handle.appendFile(manifestLine(entry))
      some = true
    }
    if (some) await whole.commit()
  }

  /** Removes the lines that count no more or make no sense, if there are any. */
  async tidy(): Promise<void> {
    await using old = await this.#open()
    if (old === undefined) return
    let lost = 0
    for await (const { counts } of this.#judged(old)) if (!counts) lost += 1
    if (lost === 0) return
    await using whole = await WholeFile.create(this.file)
    let end = 0
    for await (const { line, counts } of this.#judged(old)) {
      if (!line.isEnded) break // It may be about to be written.
      end += line.bytes
      if (counts) await whole.handle.appendFile(`${line.text}\n`)
    }
    // Of several who tidy up at once at most one does.
    if (!(await whole.isAlone()) || !(await this.#isStill(old))) return
    await whole.commit()
    // What another has appended since is not ours to lose; who appends from now on sees that this is another file.
    for await (const line of linesOf(old, end)) {
      if (idOf(line) !== undefined) await this.#append(`${line.text}\n`)
    }
  }

  async #append(line: string): Promise<void> {
    try {
      for (let isThere = false; !isThere;) {
        await using handle = await openRegular(this.file, APPENDING)
        // What somebody was killed at, or had no room for, ends here, and not in the middle of our line.
        const lead = (await endsWhole(handle)) ? '' : '\n'
        await handle.appendFile(lead + line)
        await handle.sync()
        isThere = await this.#isStill(handle)
      }
    } catch (error) {
      throw fileFault(error, this.file)
    }
  }

  /** Whether nobody has put another file in the place of this one. */
  async #isStill(handle: FileHandle): Promise<boolean> {
    const [its, found] = [await handle.stat(), await lstat(this.file).catch(() => undefined)]
    return found?.ino === its.ino && found.dev === its.dev
  }

  async #readAll(): Promise<ReadonlyMap<string, Sums>> {
    const all = new Map<string, Map<string, string | null>>()
    for await (const line of this.read()) {
      if ('gone' in line) all.delete(line.id)
      else {
        const sums = all.get(line.id) ?? new Map<string, string | null>()
        all.set(line.id, sums.set(line.metadata.sha512, line.data?.crc32 ?? null))
      }
    }
    return all
  }

  /** Every line, and whether it counts still. */
  async *#judged(
    handle: FileHandle,
  ): AsyncGenerator<{ readonly line: Line; readonly counts: boolean }> {
    const seen = new Set<string>()
    for await (const line of linesOf(handle)) {
      const id = idOf(line)
      const last = id === undefined ? undefined : this.#completed.get(id)
      if (id !== undefined && `${line.text}\n` === last) seen.add(id)
      // What stands below our line was written by another since.
      const isOurs = last === undefined || (id !== undefined && seen.has(id))
      // Nothing is left of which ours could say that it is gone.
      const isSpent = last === `${line.text}\n` && last === goneLine(id ?? '')
      yield { line, counts: id !== undefined && isOurs && !isSpent }
    }
  }

  /** Undefined when there is none. */
  async #open(): Promise<FileHandle | undefined> {
    return await openRegular(this.file).catch((error: unknown) => {
      if (!isGlanceError(error, 'not_found')) throw error
      return undefined
    })
  }
}

/** The lines of an image: the CRC-32 of its data, where there is one, by the digest of its metadata. */
type Sums = ReadonlyMap<string, string | null>

const APPENDING = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT

/** What an image's files are, when this is the text of its metadata and the data is as it says, and of that CRC-32. */
export function entryOf(
  image: Image,
  metadata: string | Uint8Array,
  crc32: string | null = null,
): ManifestEntry {
  const { id, size, checksum, digest } = image
  return {
    id,
    metadata: { size: Buffer.byteLength(metadata), sha512: sha512(metadata) },
    data: hasData(image) && size !== null ? { size, checksum, digest, crc32 } : null,
  }
}

export function sha512(data: string | Uint8Array): string {
  return createHash('sha512').update(data).digest('hex')
}

function linesOf(handle: FileHandle, from = 0): AsyncGenerator<Line, void> {
  return boundedLines(readHandle(handle, from, LONGEST_LINE), LONGEST_LINE)
}

/** @throws {GlanceError} `corrupt` for what is no line of a manifest. */
export function entryIn({ text, isWhole }: Line): ManifestLine {
  if (isWhole) return parseManifestLine(text)
  throw new GlanceError('corrupt', `no line of a manifest: more than ${LONGEST_LINE} bytes`)
}

function idOf(line: Line): string | undefined {
  try {
    return entryIn(line).id
  } catch {
    return undefined
  }
}

async function endsWhole(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return true
  const last = Buffer.alloc(1)
  await handle.read(last, 0, 1, size - 1)
  return last[0] === 0x0a
}
