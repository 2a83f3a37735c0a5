import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { ANY_OWNER, compareIds, hasData, type Image } from '../image/image.ts'
import { Crc32, summed } from '../stream/crc.ts'
import { digested, Hasher } from '../stream/digest.ts'
import { rechunk } from '../stream/rechunk.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import { auditDirectory } from './directory-audit.ts'
import type {
  AddOptions,
  Audited,
  Endpoint,
  ImageData,
  ListOptions,
  MemberAccess,
  Membership,
  Room,
  Withdrawal,
  Written,
} from './endpoint.ts'
import { fileFault } from './file-fault.ts'
import { roomInFolder } from './free-space.ts'
import { fromMetadata, layout, LONGEST_METADATA, membersIn, toMetadata } from './layout.ts'
import { entryOf, Manifest } from './manifest.ts'
import { readFrom } from './read-file.ts'
import { openRegular, readRegular, statRegular } from './regular-file.ts'
import { UnfinishedFiles } from './unfinished.ts'
import { textBytes, writeWhole } from './whole-file.ts'

/** Bytes of data from which on it is worth looking whether its CRC-32 is known. */
const WORTH_LOOKING = 1024 * 1024

export interface DirectoryOptions {
  /** Whether images are to be written. Default false. */
  readonly writable?: boolean | undefined
  /** Bytes read or written at a time. Default 1 MiB. */
  readonly chunkSize?: number | undefined
  /** Whether zeros in the data are written as holes. Default true. */
  readonly sparse?: boolean | undefined
  /** How many ranges of one image's data are read at once, where that is possible. Default 1: it is read in one go. */
  readonly ranges?: number | undefined
  /** Bytes of data from which on that is done. Default 256 MiB. */
  readonly rangesCutoff?: number | undefined
}

/**
 * A directory of dumped images, see {@link layout}. An image whose data is missing or cut short is `corrupt` where it is
 * to be read from, and one that waits for its data where it is to be written to; one of which only the manifest knows is
 * `corrupt` too, or not there.
 */
export class DirectoryEndpoint implements Endpoint {
  readonly name: string
  readonly address: string
  readonly features = {
    ordered: true,
    ranges: true,
    ownersCarried: true,
    hashes: false,
    repeatable: true,
    rewrites: true,
    withdrawals: ['hide', 'delete'],
  } as const
  readonly expressible = expressibleInV2
  readonly members: MemberAccess = {
    states: true,
    notesNone: true,
    list: async ({ id }) => await this.#membersOf(id),
    set: async (image, members) => {
      await this.#setMembers(image, members)
      return []
    },
  }
  readonly #folder: string
  readonly #writable: boolean
  readonly #chunkSize: number
  readonly #sparse: boolean
  readonly #reading: { readonly ranges: number; readonly cutoff: number }
  readonly #manifest: Manifest
  readonly #unfinished: UnfinishedFiles

  private constructor(
    folder: string,
    unfinished: UnfinishedFiles,
    {
      writable = false,
      chunkSize = 1024 * 1024,
      sparse = true,
      ranges = 1,
      rangesCutoff = 256 * 1024 * 1024,
    }: DirectoryOptions,
  ) {
    this.#folder = folder
    this.#unfinished = unfinished
    this.#writable = writable
    this.#chunkSize = chunkSize
    this.#sparse = sparse
    this.#reading = { ranges, cutoff: rangesCutoff }
    this.#manifest = new Manifest(layout.manifest(folder))
    this.name = `dir:${folder}`
    this.address = `dir:${resolve(folder)}`
  }

  /**
   * Where it is to be written to, what killed writers left half-made is found, and what cannot be gone on with removed;
   * images that are there without a manifest get one. @throws {GlanceError} `not_found` when there is no such directory; `forbidden` when it may not be
   * read, or not be written to although that is wanted.
   */
  static async open(folder: string, options: DirectoryOptions = {}): Promise<DirectoryEndpoint> {
    const wanted = constants.R_OK | constants.X_OK | (options.writable ? constants.W_OK : 0)
    try {
      const found = await stat(folder)
      if (!found.isDirectory()) throw new GlanceError('not_found', `${folder}: not a directory`)
      await access(folder, wanted)
      if (options.writable !== true) {
        return new DirectoryEndpoint(folder, UnfinishedFiles.none(folder), options)
      }
      const endpoint = new DirectoryEndpoint(folder, await UnfinishedFiles.find(folder), options)
      await endpoint.#adopt()
      return endpoint
    } catch (error) {
      throw fileFault(error, folder)
    }
  }

  async *list({ signal, onUnreadable }: ListOptions = {}): AsyncGenerator<Image> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      throw fileFault(error, this.#folder)
    })
    const present = new Set(names.filter(name => layout.isMetadata(name)))
    // Where it is written to, what is not there is nothing yet; to others the dump is not whole.
    const wanted = this.#writable ? [] : await this.#manifest.ids()
    for (const id of [...new Set([...present, ...wanted])].toSorted(compareIds)) {
      signal?.throwIfAborted()
      try {
        if (!present.has(id)) throw this.#missing(id)
        yield await this.#read(id)
      } catch (error) {
        if (onUnreadable === undefined || !isGlanceError(error)) throw error
        onUnreadable(id, error)
      }
    }
  }

  async data(image: Image): Promise<ImageData> {
    const file = layout.data(this.#folder, image.id)
    const found = await statRegular(file)
    if (found === undefined) {
      if ((await statRegular(layout.metadata(this.#folder, image.id))) === undefined)
        throw new GlanceError('not_found', `${file}: no such file or directory`)
      throw new GlanceError('conflict', `image ${image.id}: there is no data in ${this.#folder}`)
    }
    const { size } = found
    const { checksum, digest } = image
    return {
      size,
      checksum,
      digest,
      open: async ({ offset = 0, signal, isProvedLater = false } = {}) => {
        const isQuick = isProvedLater && offset === 0 && size >= WORTH_LOOKING
        const wanted = isQuick ? await this.#crc32Of(image.id) : null
        const crc32 = wanted === null ? null : { found: new Crc32(), wanted }
        const how = { signal, opened: openRegular, crc: crc32?.found }
        const bytes = readFrom(file, offset, this.#chunkSize, how)
        // Disks forget, and here nobody else would notice before the target has it all.
        return offset === 0 ? verify(bytes, { size, checksum, digest, crc32 }) : bytes
      },
    }
  }

  async add(
    image: Image,
    data: ImageData | null,
    { signal, members }: AddOptions = {},
  ): Promise<Written> {
    const kept = members ?? (await this.#keptOf(image.id))
    const present = await this.#read(image.id).catch(() => undefined)
    if (present !== undefined && hasData(present)) {
      throw new GlanceError('duplicate', `image ${image.id}: ${this.name} has it already`)
    }
    if (data === null) return await this.#describe(image, { ...image, status: 'queued' }, kept)
    const file = layout.data(this.#folder, image.id)
    const [chunkSize, sparse] = [this.#chunkSize, this.#sparse]
    if (data.checksum !== null || data.digest !== null) {
      const options = { ...this.#reading, chunkSize, sparse, signal }
      const crc32 = await this.#unfinished.write(image.id, data, options)
      const { size } = await stat(file)
      return await this.#describe(image, { ...image, size }, kept, crc32)
    }
    // What nothing proves is not gone on with either: it is written in one go.
    const crc = new Crc32()
    const bytes = rechunk(summed(verify(await data.open({ signal }), data), crc), chunkSize)
    const hasher = new Hasher(['md5', 'sha512'])
    await writeWhole(file, digested(bytes, hasher), { sparse })
    const { size } = await stat(file)
    const checksum = await hasher.hex('md5')
    const digest = { algorithm: 'sha512', value: await hasher.hex('sha512') }
    return await this.#describe(image, { ...image, size, checksum, digest }, kept, crc.hex)
  }

  async update(present: Image, wanted: Image): Promise<Written> {
    const [kept, crc32] = [await this.#keptOf(wanted.id), await this.#crc32Of(wanted.id)]
    return await this.#describe(present, wanted, kept, crc32)
  }

  async confirm({ id }: Image): Promise<void> {
    const text = await readRegular(layout.metadata(this.#folder, id), LONGEST_METADATA)
    await this.#manifest.ensure(entryOf(await this.#read(id), text))
  }

  async get(id: string): Promise<Image> {
    try {
      return await this.#read(id)
    } catch (error) {
      if (!isGlanceError(error, 'not_found') || this.#writable) throw error
      throw (await this.#manifest.ids()).has(id) ? this.#missing(id) : error
    }
  }

  /** The metadata goes before the data, as it came last: data without it is no image. */
  async withdraw(image: Image, how: Withdrawal): Promise<void> {
    if (how === 'hide') {
      await this.update(image, { ...image, hidden: true })
      return
    }
    // First of all, so that whoever is killed meanwhile leaves an image that is found again, and removed then.
    await this.#manifest.drop(image.id)
    for (const file of [
      layout.metadata(this.#folder, image.id),
      layout.data(this.#folder, image.id),
    ]) {
      await rm(file, { force: true }).catch((error: unknown) => {
        throw fileFault(error, file)
      })
    }
  }

  async room(): Promise<Room> {
    return await roomInFolder(this.#folder)
  }

  audit(options: Abortable = {}): AsyncGenerator<Audited> {
    return auditDirectory(this.#folder, this.#manifest, options)
  }

  /** A dump keeps nothing that is half-made. */
  async discard(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#writable) return
    await this.#manifest.tidy().catch(() => {}) // Lines that count no more do no harm.
  }

  async #describe(
    present: Image,
    wanted: Image,
    members: readonly Membership[] | undefined,
    crc32: string | null = null,
  ): Promise<Written> {
    // What was found out of the data when it was written, and the source does not know.
    const { size, checksum, digest } = hasData(present) ? present : wanted
    const image: Image = {
      ...wanted,
      // A dump does not belong to anybody.
      owner: wanted.owner === ANY_OWNER ? null : wanted.owner,
      size: wanted.size ?? size,
      checksum: wanted.checksum ?? checksum,
      digest: wanted.digest ?? digest,
    }
    const metadata = toMetadata(image, members)
    const entry = entryOf(image, metadata, crc32)
    await this.#manifest.append(entry)
    await writeWhole(layout.metadata(this.#folder, image.id), textBytes(metadata))
    this.#manifest.complete(entry)
    return { image, refused: [] }
  }

  #missing(id: string): GlanceError {
    const file = layout.metadata(this.#folder, id)
    return new GlanceError('corrupt', `${file}: it is missing, and the manifest has it`)
  }

  async #adopt(): Promise<void> {
    if (await this.#manifest.exists()) return
    const [folder, images] = [this.#folder, this.list({ onUnreadable: () => {} })]
    await this.#manifest.begin(
      (async function* () {
        for await (const image of images) {
          const file = layout.metadata(folder, image.id)
          yield entryOf(image, await readRegular(file, LONGEST_METADATA))
        }
      })(),
    )
  }

  /** Undefined also where there is no such image. */
  async #membersOf(id: string): Promise<readonly Membership[] | undefined> {
    const file = layout.metadata(this.#folder, id)
    const text = await readRegular(file, LONGEST_METADATA).then(String, () => undefined)
    return text === undefined ? undefined : membersIn(text, file)
  }

  /** What stays when the metadata is written anew: what makes no sense does not. */
  async #keptOf(id: string): Promise<readonly Membership[] | undefined> {
    return await this.#membersOf(id).catch(() => undefined)
  }

  async #setMembers({ id }: Image, members: readonly Membership[]): Promise<void> {
    const [file, text] = await this.#metadataOf(id)
    const image = fromMetadata(text, file, id)
    if (toMetadata(image, members) === text) return
    await this.#describe(image, image, members, await this.#manifest.crc32Of(id, text))
  }

  /** That of the data, where the manifest has it with the metadata that is there. */
  async #crc32Of(id: string): Promise<string | null> {
    const found = await this.#metadataOf(id).catch(() => undefined)
    return found === undefined ? null : await this.#manifest.crc32Of(id, found[1])
  }

  async #metadataOf(id: string): Promise<readonly [file: string, text: string]> {
    const file = layout.metadata(this.#folder, id)
    const text = (await readRegular(file, LONGEST_METADATA)).toString()
    return [file, text]
  }

  async #read(id: string): Promise<Image> {
    const [file, text] = await this.#metadataOf(id)
    const image = fromMetadata(text, file, id)
    if (!hasData(image)) return image
    const data = layout.data(this.#folder, id)
    const found = await statRegular(data).catch((error: unknown) => {
      if (!this.#writable) throw error // Else it is written anew, in its place.
    })
    if (found !== undefined && (image.size === null || found.size === image.size)) return image
    if (this.#writable) return { ...image, status: 'queued' }
    const state = found === undefined ? 'is missing' : `has ${found.size} of ${image.size} bytes`
    throw new GlanceError('corrupt', `${data}: the data of the image ${state}`)
  }
}
