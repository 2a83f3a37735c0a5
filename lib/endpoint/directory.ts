import { access, constants, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { compareIds, hasData, type Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { digested, Hasher } from '../stream/digest.ts'
import { rechunk } from '../stream/rechunk.ts'
import { verify } from '../stream/verify.ts'
import type { Endpoint, ImageData, ListOptions, Written } from './endpoint.ts'
import { fromMetadata, layout, toMetadata } from './layout.ts'

export interface DirectoryOptions {
  /** Whether images are to be written. Default false. */
  readonly writable?: boolean | undefined
  /** Bytes read or written at a time. Default 1 MiB. */
  readonly chunkSize?: number | undefined
}

/** A directory of dumped images, see {@link layout}. */
export class DirectoryEndpoint implements Endpoint {
  readonly name: string
  readonly features = { ordered: true, ranges: true, ownersCarried: true, hashes: false } as const
  readonly #folder: string
  readonly #chunkSize: number

  private constructor(folder: string, chunkSize: number) {
    this.#folder = folder
    this.#chunkSize = chunkSize
    this.name = `dir:${folder}`
  }

  /**
   * @throws {GlanceError} `not_found` when there is no such directory; `forbidden` when it may not be read, or not
   * be written to although `writable` is wanted.
   */
  static async open(
    folder: string,
    { writable = false, chunkSize = 1024 * 1024 }: DirectoryOptions = {},
  ): Promise<DirectoryEndpoint> {
    const found = await stat(folder).catch((error: unknown) => {
      throw fileFault(error, folder)
    })
    if (!found.isDirectory()) throw new GlanceError('not_found', `${folder}: not a directory`)
    const wanted = constants.R_OK | constants.X_OK | (writable ? constants.W_OK : 0)
    await access(folder, wanted).catch((error: unknown) => {
      throw fileFault(error, folder)
    })
    return new DirectoryEndpoint(folder, chunkSize)
  }

  async *list({ signal, onUnreadable }: ListOptions = {}): AsyncGenerator<Image> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      throw fileFault(error, this.#folder)
    })
    for (const id of names.filter(name => layout.isMetadata(name)).toSorted(compareIds)) {
      signal?.throwIfAborted()
      try {
        yield await this.#read(id)
      } catch (error) {
        if (onUnreadable === undefined || !isGlanceError(error)) throw error
        onUnreadable(id, error)
      }
    }
  }

  async data(image: Image): Promise<ImageData> {
    const file = layout.data(this.#folder, image.id)
    const { size } = await stat(file).catch(async (error: unknown) => {
      const described = await stat(layout.metadata(this.#folder, image.id)).catch(() => undefined)
      if (described === undefined) throw fileFault(error, file)
      throw new GlanceError('conflict', `image ${image.id}: there is no data in ${this.#folder}`)
    })
    const { checksum, digest } = image
    return {
      size,
      checksum,
      digest,
      open: async ({ offset = 0, signal } = {}) => readFrom(file, offset, this.#chunkSize, signal),
    }
  }

  async add(image: Image, data: ImageData | null, { signal }: Abortable = {}): Promise<Written> {
    const present = await this.#read(image.id).catch(() => undefined)
    if (present !== undefined && hasData(present)) {
      throw new GlanceError('duplicate', `image ${image.id}: ${this.name} has it already`)
    }
    if (data === null) return await this.update(image, { ...image, status: 'queued' })
    const file = layout.data(this.#folder, image.id)
    const bytes = rechunk(verify(await data.open({ signal }), data), this.#chunkSize)
    if (data.checksum !== null || data.digest !== null) {
      await writeWhole(file, bytes)
      return await this.update(image, image)
    }
    const hasher = new Hasher(['md5', 'sha512'])
    await writeWhole(file, digested(bytes, hasher))
    const { size } = await stat(file)
    const checksum = await hasher.hex('md5')
    const digest = { algorithm: 'sha512', value: await hasher.hex('sha512') }
    return await this.update(image, { ...image, size, checksum, digest })
  }

  async update(_present: Image, image: Image): Promise<Written> {
    const text = Buffer.from(toMetadata(image))
    await writeWhole(
      layout.metadata(this.#folder, image.id),
      (async function* () {
        yield text
      })(),
    )
    return { image, refused: [] }
  }

  async discard(id: string): Promise<void> {
    await rm(layout.partial(layout.data(this.#folder, id)), { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** An image whose data is not there, or not whole, is one that waits for its data. */
  async #read(id: string): Promise<Image> {
    const file = layout.metadata(this.#folder, id)
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw fileFault(error, file)
    })
    const image = fromMetadata(text, file, id)
    if (!hasData(image)) return image
    const data = await stat(layout.data(this.#folder, id)).catch(() => undefined)
    const whole = data !== undefined && (image.size === null || data.size === image.size)
    return whole ? image : { ...image, status: 'queued' }
  }
}

/** Writes a file under another name, makes it durable, and only then gives it its own. */
async function writeWhole(file: string, data: Bytes): Promise<void> {
  const partial = layout.partial(file)
  try {
    await using handle = await open(partial, 'w')
    for await (const chunk of data) await handle.writeFile(chunk)
    await handle.sync()
  } catch (error) {
    await rm(partial, { force: true })
    throw fileFault(error, file)
  }
  await rename(partial, file)
  await using folder = await open(dirname(file))
  await folder.sync()
}

async function* readFrom(
  file: string,
  offset: number,
  chunkSize: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  await using handle = await open(file)
  const buffer = Buffer.allocUnsafe(chunkSize)
  for (let position = offset; ;) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

function fileFault(error: unknown, file: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
      return new GlanceError('not_found', `${file}: no such file or directory`, { cause: error })
    case 'ENOTDIR':
      return new GlanceError('not_found', `${file}: not a directory`, { cause: error })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new GlanceError('forbidden', `${file}: ${messageOf(error)}`, { cause: error })
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new GlanceError('over_limit', `${file}: no space left`, { cause: error })
    default:
      return error
  }
}
