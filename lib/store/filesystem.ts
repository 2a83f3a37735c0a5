import { randomUUID } from 'node:crypto'
import {
  access,
  constants,
  type FileHandle,
  link,
  open,
  readdir,
  rm,
  stat,
  unlink,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Abortable } from '../abort.ts'
import { GlanceError, messageOf } from '../errors.ts'
import { abortable } from '../stream/abortable.ts'
import type { Bytes } from '../stream/bytes.ts'
import { type ByteRange, checkRange } from '../stream/range.ts'
import { rechunk } from '../stream/rechunk.ts'
import { verifySize } from '../stream/verify.ts'
import { systemCall } from './file-errors.ts'
import { readFileRange } from './file-reader.ts'
import { makeFolder } from './folder.ts'
import { checkImageId, FILE_SCHEMES, fileLocation, pathOfLocation, schemeOf } from './location.ts'
import type { Location, Store } from './store.ts'

/** Bytes. What HTTP hands on is a sixteenth of it, and then takes twice as long to write. */
const WRITE_SIZE = 1024 * 1024

/** The names under which data is written: no image's, since an id has no dots. */
const PARTIAL = /^\.[0-9a-f-]{36}\.[0-9a-f-]{36}\.partial$/i

/**
 * Keeps the data of each image in one file of a folder, named by the image's id, as Glance's own file store does: a
 * folder of one can be handed to the other. A file has that name only once its data is whole and on the disk.
 */
export class FilesystemStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = FILE_SCHEMES
  readonly #folder: string

  private constructor(id: string, folder: string) {
    this.id = id
    this.#folder = folder
  }

  /** Creates the folder if need be. @throws {GlanceError} `unavailable` when it cannot be written to. */
  static async open(id: string, datadir: string): Promise<FilesystemStore> {
    const folder = resolve(datadir)
    try {
      await makeFolder(folder)
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (error) {
      const message = `store ${id}: the folder ${folder} cannot be used: ${messageOf(error)}`
      throw new GlanceError('unavailable', message, { cause: error })
    }
    return new FilesystemStore(id, folder)
  }

  locate(id: string): Location {
    return fileLocation(this.#path(id))
  }

  holds(at: Location): boolean {
    if (!FILE_SCHEMES.some(scheme => scheme === schemeOf(at.url))) return false
    try {
      return dirname(pathOfLocation(at)) === this.#folder
    } catch {
      return false // No path at all.
    }
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const path = this.#path(id)
    const duplicate = () =>
      new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
    if (await exists(path)) throw duplicate()
    const partial = join(this.#folder, `.${id}.${randomUUID()}.partial`)
    try {
      const checked = verifySize(abortable(data, signal), size)
      const written = await writeNewFile(partial, rechunk(checked, WRITE_SIZE))
      signal?.throwIfAborted()
      // A link, because renaming would replace what another writer may have put there meanwhile.
      await systemCall(link(partial, path), { EEXIST: duplicate })
      await syncFolder(this.#folder).catch(async (error: unknown) => {
        await remove(path)
        throw error
      })
      return { location: fileLocation(path), size: written }
    } finally {
      await remove(partial)
    }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    const size = await this.size(at)
    if (range !== null) checkRange(range, size)
    const wanted = range ?? { offset: 0, length: size }
    return abortable(readFileRange(pathOfLocation(at), wanted), signal)
  }

  async size(at: Location): Promise<number> {
    const path = pathOfLocation(at)
    const found = await systemCall(stat(path), this.#absent(path))
    if (!found.isFile()) throw this.#absent(path).ENOENT()
    return found.size
  }

  async delete(at: Location): Promise<void> {
    const path = pathOfLocation(at)
    if (dirname(path) !== this.#folder) {
      throw new GlanceError('forbidden', `store ${this.id} deletes only what is in its own folder`)
    }
    await systemCall(unlink(path), this.#absent(path))
    await syncFolder(this.#folder)
  }

  async recover({ signal }: Abortable = {}): Promise<void> {
    for (const name of await systemCall(readdir(this.#folder))) {
      signal?.throwIfAborted()
      if (PARTIAL.test(name)) await remove(join(this.#folder, name))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #path(id: string): string {
    checkImageId(id)
    return join(this.#folder, id)
  }

  #absent(path: string) {
    const absent = () =>
      new GlanceError('not_found', `store ${this.id} has no file ${basename(path)}`)
    return { ENOENT: absent, ENOTDIR: absent }
  }
}

/** Removes a file that may be there. */
async function remove(path: string): Promise<void> {
  await systemCall(rm(path, { force: true }))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Writes a new file and waits until it is on the disk. Resolves to its size in bytes. */
async function writeNewFile(path: string, data: Bytes): Promise<number> {
  const file = await systemCall(open(path, 'wx', 0o640))
  try {
    let size = 0
    for await (const chunk of data) {
      await systemCall(writeChunk(file, chunk))
      size += chunk.length
    }
    await systemCall(file.sync())
    return size
  } finally {
    await file.close()
  }
}

async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await file.write(chunk, written)).bytesWritten
  }
}

/** Waits until the names in a folder are on the disk as they are now. */
async function syncFolder(path: string): Promise<void> {
  const folder = await systemCall(open(path, 'r'))
  try {
    await systemCall(folder.sync())
  } finally {
    await folder.close()
  }
}
