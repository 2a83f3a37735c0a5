import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { hasData, type Image } from '../image/image.ts'
import {
  goneLine,
  type ManifestEntry,
  type ManifestLine,
  manifestLine,
  parseManifestLine,
} from '../wire/manifest.ts'
import { fileFault } from './file-fault.ts'
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
  #begun = false
  #known: { readonly stamp: string; readonly ids: ReadonlySet<string> } | undefined

  constructor(file: string) {
    this.file = file
  }

  async exists(): Promise<boolean> {
    return (await stat(this.file).catch(() => undefined)) !== undefined
  }

  /**
   * Every entry, as they stand; nothing where there is no manifest. Lines that make no sense, as one that was cut off, are
   * left out and `onUnreadable` is told of them by their numbers.
   */
  async *read(
    onUnreadable: (line: number, error: unknown) => void = () => {},
  ): AsyncGenerator<ManifestLine> {
    let number = 0
    for await (const line of this.#lines()) {
      number += 1
      try {
        yield parseManifestLine(line)
      } catch (error) {
        onUnreadable(number, error)
      }
    }
  }

  /** Ids of the images that it has, which are not gone again; read anew where the file has changed. */
  async ids(): Promise<ReadonlySet<string>> {
    const found = await stat(this.file).catch(() => undefined)
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

  /** Writes down that an image is to go; its lines go when all is tidied up. Nothing where there is no manifest. */
  async drop(id: string): Promise<void> {
    if (!(await this.exists())) return
    await this.#append(goneLine(id))
    this.#completed.set(id, goneLine(id))
  }

  async #append(line: string): Promise<void> {
    try {
      await using handle = await open(this.file, 'a+')
      // What somebody was killed at ends here, and not in the middle of our line.
      const lead = this.#begun || (await endsWhole(handle)) ? '' : '\n'
      await handle.appendFile(lead + line)
      await handle.sync()
      this.#begun = true
    } catch (error) {
      throw fileFault(error, this.file)
    }
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

  /** Removes the lines that count no more, if there are any. */
  async tidy(): Promise<void> {
    if (this.#completed.size === 0) return
    let size = 0
    let lost = 0
    for await (const { line, counts } of this.#judged()) {
      size += Buffer.byteLength(line) + 1
      if (!counts) lost += 1
    }
    if (lost === 0) return
    await using whole = await WholeFile.create(this.file)
    for await (const { line, counts } of this.#judged()) {
      if (counts) await whole.handle.appendFile(`${line}\n`)
    }
    // What another has appended since is not ours to lose: then somebody else tidies up.
    if ((await stat(this.file)).size === size) await whole.commit()
  }

  /** Every line, and whether it counts still. */
  async *#judged(): AsyncGenerator<{ readonly line: string; readonly counts: boolean }> {
    const seen = new Set<string>()
    for await (const line of this.#lines()) {
      const id = idOf(line)
      const last = id === undefined ? undefined : this.#completed.get(id)
      if (id !== undefined && `${line}\n` === last) seen.add(id)
      // What stands below our line was written by another since.
      const isOurs = last === undefined || (id !== undefined && seen.has(id))
      // Nothing is left of which ours could say that it is gone.
      const isSpent = last === `${line}\n` && last === goneLine(id ?? '')
      yield { line, counts: id !== undefined && isOurs && !isSpent }
    }
  }

  async *#lines(): AsyncGenerator<string> {
    const handle = await open(this.file).catch((error: unknown) => {
      const fault = fileFault(error, this.file)
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw fault
    })
    if (handle === undefined) return
    await using file = handle
    yield* file.readLines({ autoClose: false })
  }
}

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

function idOf(line: string): string | undefined {
  try {
    return parseManifestLine(line).id
  } catch {
    return undefined
  }
}

async function endsWhole(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return true
  const last = Buffer.alloc(1)
  await handle.read(last, 0, 1, size - 1)
  return last[0] === 0x0a
}
