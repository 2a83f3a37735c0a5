import { access, constants, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { compareIds, hasData, type Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { digested, Hasher } from '../stream/digest.ts'
import { rechunk } from '../stream/rechunk.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import { renameDurably } from './durable.ts'
import type { Endpoint, ImageData, ListOptions, Written } from './endpoint.ts'
import { fileFault } from './file-fault.ts'
import { fromMetadata, layout, toMetadata } from './layout.ts'
import { UnfinishedFiles } from './unfinished.ts'
import { writerName } from './writer.ts'

export interface DirectoryOptions {
  /** Whether images are to be written. Default false. */
  readonly writable?: boolean | undefined
  /** Bytes read or written at a time. Default 1 MiB. */
  readonly chunkSize?: number | undefined
}

/**
 * A directory of dumped images, see {@link layout}. An image whose data is missing or cut short is `corrupt` where it is
 * to be read from, and one that waits for its data where it is to be written to.
 */
export class DirectoryEndpoint implements Endpoint {
  readonly name: string
  readonly features = {
    ordered: true,
    ranges: true,
    ownersCarried: true,
    hashes: false,
    repeatable: true,
  } as const
  readonly expressible = expressibleInV2
  readonly #folder: string
  readonly #writable: boolean
  readonly #chunkSize: number

  readonly #unfinished: UnfinishedFiles

  private constructor(
    folder: string,
    unfinished: UnfinishedFiles,
    { writable = false, chunkSize = 1024 * 1024 }: DirectoryOptions,
  ) {
    this.#folder = folder
    this.#unfinished = unfinished
    this.#writable = writable
    this.#chunkSize = chunkSize
    this.name = `dir:${folder}`
  }

  /**
   * Where it is to be written to, what killed writers left half-made is found, and what cannot be gone on with removed.
   * @throws {GlanceError} `not_found` when there is no such directory; `forbidden` when it may not be read, or not be
   * written to although that is wanted.
   */
  static async open(folder: string, options: DirectoryOptions = {}): Promise<DirectoryEndpoint> {
    const wanted = constants.R_OK | constants.X_OK | (options.writable ? constants.W_OK : 0)
    try {
      const found = await stat(folder)
      if (!found.isDirectory()) throw new GlanceError('not_found', `${folder}: not a directory`)
      await access(folder, wanted)
      const unfinished =
        options.writable === true
          ? await UnfinishedFiles.find(folder)
          : UnfinishedFiles.none(folder)
      return new DirectoryEndpoint(folder, unfinished, options)
    } catch (error) {
      throw fileFault(error, folder)
    }
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
      open: async ({ offset = 0, signal } = {}) => {
        const bytes = readFrom(file, offset, this.#chunkSize, signal)
        // Disks forget, and here nobody else would notice before the target has it all.
        return offset === 0 ? verify(bytes, { size, checksum, digest }) : bytes
      },
    }
  }

  async add(image: Image, data: ImageData | null, { signal }: Abortable = {}): Promise<Written> {
    const present = await this.#read(image.id).catch(() => undefined)
    if (present !== undefined && hasData(present)) {
      throw new GlanceError('duplicate', `image ${image.id}: ${this.name} has it already`)
    }
    if (data === null) return await this.update(image, { ...image, status: 'queued' })
    const file = layout.data(this.#folder, image.id)
    if (data.checksum !== null || data.digest !== null) {
      await this.#unfinished.write(image.id, data, { chunkSize: this.#chunkSize, signal })
      return await this.update(image, image)
    }
    // What nothing proves is not gone on with either: it is written in one go.
    const bytes = rechunk(verify(await data.open({ signal }), data), this.#chunkSize)
    const hasher = new Hasher(['md5', 'sha512'])
    await writeWhole(file, digested(bytes, hasher))
    const { size } = await stat(file)
    const checksum = await hasher.hex('md5')
    const digest = { algorithm: 'sha512', value: await hasher.hex('sha512') }
    return await this.update(image, { ...image, size, checksum, digest })
  }

  async update(_present: Image, image: Image): Promise<Written> {
    const text = Buffer.from(toMetadata(image))
    const file = layout.metadata(this.#folder, image.id)
    await writeWhole(
      file,
      (async function* () {
        yield text
      })(),
    )
    return { image, refused: [] }
  }

  /** A dump keeps nothing that is half-made. */
  async discard(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #read(id: string): Promise<Image> {
    const file = layout.metadata(this.#folder, id)
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw fileFault(error, file)
    })
    const image = fromMetadata(text, file, id)
    if (!hasData(image)) return image
    const data = layout.data(this.#folder, id)
    const found = await stat(data).catch(() => undefined)
    if (found !== undefined && (image.size === null || found.size === image.size)) return image
    if (this.#writable) return { ...image, status: 'queued' }
    const state = found === undefined ? 'is missing' : `has ${found.size} of ${image.size} bytes`
    throw new GlanceError('corrupt', `${data}: the data of the image ${state}`)
  }
}

/**
 * Writes a file under a name of its own, makes it durable, and only then gives it the right one: of two who write the
 * same file at once the later wins, and each file is one writer's.
 */
async function writeWhole(file: string, data: Bytes): Promise<void> {
  const partial = layout.partial(file, await writerName())
  try {
    {
      await using handle = await open(partial, 'wx')
      for await (const chunk of data) await handle.writeFile(chunk)
      await handle.sync()
    }
    await renameDurably(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw fileFault(error, file)
  }
}

async function* readFrom(
  file: string,
  offset: number,
  chunkSize: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(chunkSize)
  try {
    await using handle = await open(file)
    for (let position = offset; ;) {
      signal?.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw fileFault(error, file)
  }
}
