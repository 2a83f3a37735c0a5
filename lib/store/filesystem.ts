import { randomUUID } from 'node:crypto'
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  open,
  opendir,
  readdir,
  stat,
  unlink,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { abortable } from '../stream/abortable.ts'
import type { Bytes } from '../stream/bytes.ts'
import { type ByteRange, checkRange } from '../stream/range.ts'
import { rechunk } from '../stream/rechunk.ts'
import { writeSparse } from '../stream/sparse.ts'
import { verifySize } from '../stream/verify.ts'
import { removeFile, systemCall } from './file-errors.ts'
import { readFileRange } from './file-reader.ts'
import { type FilesystemSettings, type Mount, readMounts } from './filesystem-settings.ts'
import { folderFor, folderWith, prepareFolder } from './folders.ts'
import {
  checkImageId,
  FILE_SCHEMES,
  fileLocation,
  isImageId,
  pathOfLocation,
  schemeOf,
} from './location.ts'
import type { Location, Store, StoredData } from './store.ts'

/** The names under which data is written: no image's, since an id has no dots. */
const PARTIAL = /^\.([0-9a-f-]{36})\.[0-9a-f-]{36}\.partial$/i

/** Bytes. What a connection hands on may be a sixteenth of it, and would then take twice as long to write. */
const CHUNK = 1024 * 1024

/** Bytes that are written as they come: to gather them first takes longer. */
const ENOUGH = 128 * 1024

/**
 * Keeps the data of each image in one file of a folder, named by the image's id, as Glance's own file store does: a
 * folder of one can be handed to the other. A file has that name only once its data is whole and on the disk.
 */
export class FilesystemStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = FILE_SCHEMES
  readonly #settings: Required<FilesystemSettings>
  readonly #mounts: readonly Mount[]
  /** Of images whose data is about to get its name. */
  readonly #arriving = new Set<string>()

  private constructor(
    id: string,
    settings: Required<FilesystemSettings>,
    mounts: readonly Mount[],
  ) {
    this.id = id
    this.#settings = settings
    this.#mounts = mounts
  }

  /**
   * Creates the folders if need be. @throws {GlanceError} `unavailable` when one cannot be written to; `usage` for a
   * metadata file that cannot be used.
   */
  static async open(id: string, settings: FilesystemSettings): Promise<FilesystemStore> {
    const complete = completed(settings)
    const { folders, permissions, metadataFile } = complete
    for (const { path } of folders) await prepareFolder(id, path, permissions)
    const mounts = metadataFile === null ? [] : await readMounts(metadataFile)
    return new FilesystemStore(id, complete, mounts)
  }

  /** A store for what is there already, of which nobody has looked whether it can be written to. */
  static reading(id: string, settings: FilesystemSettings): FilesystemStore {
    return new FilesystemStore(id, completed(settings), [])
  }

  locate(id: string): Location {
    checkImageId(id)
    const { folders } = this.#settings
    const [first, ...others] = folders
    const only = others.length === 0 ? first?.path : undefined
    const best = folders.toSorted((a, b) => b.priority - a.priority)[0]?.path
    return fileLocation(join(only ?? folderWith(folders, id) ?? best ?? '/', id))
  }

  holds(at: Location): boolean {
    if (!FILE_SCHEMES.some(scheme => scheme === schemeOf(at.url))) return false
    try {
      return this.#hasFolder(dirname(pathOfLocation(at)))
    } catch {
      return false // No path at all.
    }
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    checkImageId(id)
    const { folders, chunkSize, thin, permissions } = this.#settings
    this.#refuseDuplicate(id)
    // Of what is thin nobody knows what it takes up.
    const folder = await folderFor(this.id, folders, thin ? 0 : (size ?? 0))
    const partial = join(folder, `.${id}.${randomUUID()}.partial`)
    try {
      const checked = rechunk(verifySize(abortable(data, signal), size), chunkSize, ENOUGH)
      const written = await writeNewFile(partial, checked, { thin, permissions })
      signal?.throwIfAborted()
      await this.#arrive(id, partial, join(folder, id))
      return { location: this.#placeOf(join(folder, id)), size: written }
    } finally {
      await removeFile(partial)
    }
  }

  async adopt(id: string, file: string, { signal }: Abortable = {}) {
    checkImageId(id)
    const { folders, thin, permissions } = this.#settings
    this.#refuseDuplicate(id)
    const folder = await folderFor(this.id, folders, 0)
    const { dev } = await systemCall(stat(folder))
    const found = await systemCall(stat(file))
    if (thin || found.dev !== dev) return undefined
    if (permissions !== null) await systemCall(chmod(file, permissions))
    signal?.throwIfAborted()
    await this.#arrive(id, file, join(folder, id))
    return { location: this.#placeOf(join(folder, id)), size: found.size }
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
    return abortable(readFileRange(pathOfLocation(at), wanted, this.#settings.chunkSize), signal)
  }

  async size(at: Location): Promise<number> {
    const path = pathOfLocation(at)
    const found = await systemCall(stat(path), this.#absent(path))
    if (!found.isFile()) throw this.#absent(path).ENOENT()
    return found.size
  }

  async delete(at: Location): Promise<void> {
    const path = pathOfLocation(at)
    if (!this.#hasFolder(dirname(path))) {
      throw new GlanceError('forbidden', `store ${this.id} deletes only what is in its own folders`)
    }
    await systemCall(unlink(path), this.#absent(path))
    await syncFolder(dirname(path))
  }

  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    for (const { path: folder } of this.#settings.folders) {
      for await (const { name } of await systemCall(opendir(folder))) {
        signal?.throwIfAborted()
        const [, partial] = PARTIAL.exec(name) ?? []
        const id = partial ?? name
        if (!isImageId(id)) continue
        const path = join(folder, name)
        const found = await lstat(path).catch(() => undefined) // It may have gone.
        if (found?.isFile() !== true) continue
        const { size, mtime: modifiedAt } = found
        const isWhole = partial === undefined
        yield { id: id.toLowerCase(), location: fileLocation(path), size, modifiedAt, isWhole }
      }
    }
  }

  async recover({ signal }: Abortable = {}): Promise<void> {
    for (const { path } of this.#settings.folders) {
      for (const name of await systemCall(readdir(path))) {
        signal?.throwIfAborted()
        if (PARTIAL.test(name)) await removeFile(join(path, name))
      }
    }
  }

  async recoverImage(id: string): Promise<void> {
    for (const { path } of this.#settings.folders) {
      for (const name of await systemCall(readdir(path))) {
        const [, partial] = PARTIAL.exec(name) ?? []
        if (partial?.toLowerCase() === id.toLowerCase()) await removeFile(join(path, name))
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Gives data its name. Of several writers to several folders, too, one comes through here. */
  async #arrive(id: string, partial: string, path: string): Promise<void> {
    if (this.#arriving.has(id)) throw this.#duplicate(id)
    this.#arriving.add(id)
    try {
      this.#refuseDuplicate(id)
      // A link, because renaming would replace what another process may have put there meanwhile.
      await systemCall(link(partial, path), { EEXIST: () => this.#duplicate(id) })
      await syncFolder(dirname(path)).catch(async (error: unknown) => {
        await removeFile(path)
        throw error
      })
    } finally {
      this.#arriving.delete(id)
    }
  }

  #hasFolder(folder: string): boolean {
    return this.#settings.folders.some(({ path }) => path === folder)
  }

  #refuseDuplicate(id: string): void {
    if (folderWith(this.#settings.folders, id) !== undefined) throw this.#duplicate(id)
  }

  #duplicate(id: string): GlanceError {
    return new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
  }

  #placeOf(path: string): Location {
    return { ...fileLocation(path), ...this.#mountOf(path) }
  }

  /** The mount that the file is in, where others know one. */
  #mountOf(path: string): Pick<Location, 'metadata'> {
    const mount = this.#mounts.find(({ mountpoint }) =>
      path.startsWith(`${mountpoint.replace(/\/+$/, '')}/`),
    )
    return mount === undefined ? {} : { metadata: { ...mount } }
  }

  #absent(path: string) {
    const absent = () =>
      new GlanceError('not_found', `store ${this.id} has no file ${basename(path)}`)
    return { ENOENT: absent, ENOTDIR: absent }
  }
}

function completed({ folders, ...others }: FilesystemSettings): Required<FilesystemSettings> {
  return {
    chunkSize: CHUNK,
    thin: false,
    permissions: null,
    metadataFile: null,
    ...others,
    folders: folders.map(folder => ({ ...folder, path: resolve(folder.path) })),
  }
}

/** Writes a new file and waits until it is on the disk. Resolves to its size in bytes. */
async function writeNewFile(
  path: string,
  data: Bytes,
  { thin, permissions }: Pick<Required<FilesystemSettings>, 'thin' | 'permissions'>,
): Promise<number> {
  const file = await systemCall(open(path, 'wx', 0o640))
  try {
    let size = 0
    for await (const chunk of data) {
      await systemCall(thin ? writeSparse(file, chunk, size) : writeChunk(file, chunk))
      size += chunk.length
    }
    if (thin) await systemCall(file.truncate(size)) // It may end in a hole.
    if (permissions !== null) await systemCall(file.chmod(permissions))
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
