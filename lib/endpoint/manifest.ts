import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat } from 'node:fs/promises'
import { GlanceError, isGlanceError } from '../errors.ts'
import { hasData, type Image } from '../image/image.ts'
import { boundedLines, type Line } from '../stream/lines.ts'
import { type ManifestEntry, manifestLine, parseManifestLine } from '../wire/manifest.ts'
import { fileFault } from './file-fault.ts'
import { LONGEST_LINE } from './layout.ts'
import { readHandle } from './read-file.ts'
import { openRegular, statRegular } from './regular-file.ts'
import { WholeFile } from './whole-file.ts'

/**
 * What a dump says its files are: a line of JSON for each image, appended before the image's metadata gets its name, so
 * that no complete image is without one. Of an image with several lines that one counts which its metadata is of: the
 * last of them, unless a writer was killed before it had done what it wrote down.
 */
export class Manifest {
  readonly file: string
  /** The lines of images that this writer has completed. */
  readonly #completed = new Map<string, string>()
  /** What it says, as it was when this was asked for first; by {@link keyOf}. */
  #seen: Promise<ReadonlySet<string>> | undefined
  #dropped: Promise<void> = Promise.resolve()

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
  ): AsyncGenerator<ManifestEntry> {
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

  /** Writes down what an image's files are going to be. */
  async append(entry: ManifestEntry): Promise<void> {
    await this.#append(manifestLine(entry))
  }

  /** Writes down what the files of an image are that is there, unless that is done. */
  async ensure(entry: ManifestEntry): Promise<void> {
    this.#seen ??= this.#readAll()
    if ((await this.#seen).has(keyOf(entry))) return
    await this.append(entry)
    this.complete(entry)
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

  /** Removes the lines of an image that is to go; of several at once, one after the other. */
  async drop(id: string): Promise<void> {
    const drop = this.#dropped.then(async () => await this.#rewriteWithout(id))
    this.#dropped = drop.catch(() => {}) // Told to who asked for it.
    await drop
  }

  async #rewriteWithout(id: string): Promise<void> {
    await using old = await this.#open()
    if (old === undefined) return
    try {
      let found = false
      for await (const line of linesOf(old)) found ||= idOf(line) === id
      if (!found) return
      await using whole = await WholeFile.create(this.file)
      let end = 0
      for await (const line of linesOf(old)) {
        if (!line.isEnded) break
        end += line.bytes
        if (idOf(line) !== id) await whole.handle.appendFile(`${line.text}\n`)
      }
      if (!(await whole.isAlone()) || !(await this.#isStill(old))) {
        throw new GlanceError('conflict', `${this.file}: somebody else writes to it, try again`)
      }
      await whole.commit()
      for await (const line of linesOf(old, end)) {
        const its = idOf(line)
        if (its !== undefined && its !== id) await this.#append(`${line.text}\n`)
      }
      this.#completed.delete(id)
    } catch (error) {
      throw fileFault(error, this.file)
    }
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

  async #readAll(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    for await (const entry of this.read()) keys.add(keyOf(entry))
    return keys
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
      yield { line, counts: id !== undefined && (last === undefined || seen.has(id)) }
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

const APPENDING = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT

/** What an image's files are, when this is the text of its metadata and the data is as it says. */
export function entryOf(image: Image, metadata: string | Uint8Array): ManifestEntry {
  const { id, size, checksum, digest } = image
  return {
    id,
    metadata: { size: Buffer.byteLength(metadata), sha512: sha512(metadata) },
    data: hasData(image) && size !== null ? { size, checksum, digest } : null,
  }
}

export function sha512(data: string | Uint8Array): string {
  return createHash('sha512').update(data).digest('hex')
}

/** What two entries have in common that say the same. */
function keyOf({ id, metadata }: ManifestEntry): string {
  return `${id} ${metadata.sha512}`
}

function linesOf(handle: FileHandle, from = 0): AsyncGenerator<Line, void> {
  return boundedLines(readHandle(handle, from, LONGEST_LINE), LONGEST_LINE)
}

/** @throws {GlanceError} `corrupt` for what is no line of a manifest. */
export function entryIn({ text, isWhole }: Line): ManifestEntry {
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
