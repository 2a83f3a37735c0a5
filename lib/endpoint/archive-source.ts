import { basename } from 'node:path/posix'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { hasData, type Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { Hasher } from '../stream/digest.ts'
import { boundedLines } from '../stream/lines.ts'
import { skip } from '../stream/skip.ts'
import type { TarEntry } from '../stream/tar.ts'
import { collectText } from '../stream/text.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import { type ManifestEntry, type ManifestLine, parseManifestLine } from '../wire/manifest.ts'
import type {
  Endpoint,
  ImageData,
  ListOptions,
  MemberAccess,
  Membership,
  Written,
} from './endpoint.ts'
import {
  fromMetadata,
  layout,
  LONGEST_LINE,
  LONGEST_METADATA,
  MANIFEST,
  membersIn,
} from './layout.ts'
import { entryIn, sha512 } from './manifest.ts'
import { isOfDump, TarCursor } from './tar-cursor.ts'

/** An image of an archive, and how much of it has been read. */
interface Current {
  readonly image: Image
  /** The digest of its metadata, where there is a line to hold it against. */
  readonly metadata: string
  /** The names of its data that were taken. */
  readonly seen: Set<string>
  state: 'listed' | 'opened' | 'sealed'
  /** Whether its data was what its line says. */
  proved: boolean
}

/** Told of what is wrong with an image, or a file. */
type Tell = (id: string, error: unknown) => void

/**
 * A tar archive that is read from its beginning to its end, once: as `ArchiveTarget` writes it, or what somebody packed of a
 * dump, each image's metadata before its data. An image counts only when its line of the manifest was there, where the
 * archive has such, and `list` tells when the archive is cut short.
 */
export class ArchiveSource implements Endpoint {
  readonly name: string
  readonly features = {
    ordered: false,
    ranges: false,
    ownersCarried: true,
    hashes: false,
    repeatable: true,
    sequential: true,
  } as const
  readonly expressible = expressibleInV2
  readonly members: MemberAccess = {
    states: true,
    notesNone: true,
    list: async ({ id }) => this.#members.get(id),
    set: async image => {
      throw this.#readOnly(image)
    },
  }
  readonly #cursor: TarCursor
  readonly #close: () => Promise<void>
  /** The image that was listed last. */
  #current: Current | undefined
  /** Those that were kept, by image, of all that have been listed: who compares may ask late. */
  readonly #members = new Map<string, readonly Membership[]>()
  /** Images without one do not count. */
  #hasSeals = false
  #isListed = false
  /** Ids of the images whose lines were there. */
  readonly #sealed = new Set<string>()

  /** `close` closes whatever the bytes come from. */
  constructor(name: string, bytes: Bytes, close: () => Promise<void>) {
    this.name = name
    this.#cursor = new TarCursor(bytes)
    this.#close = close
  }

  /** Once. An archive that is cut short is told to `onUnreadable` under the name of the archive. */
  async *list({ signal, onUnreadable }: ListOptions = {}): AsyncGenerator<Image> {
    if (this.#isListed) throw this.#tooLate('it')
    this.#isListed = true
    const tell: Tell = (id, error) => {
      if (onUnreadable === undefined || !isGlanceError(error, 'corrupt')) throw error
      onUnreadable(id, error)
    }
    try {
      yield* this.#images(tell, signal)
    } catch (error) {
      if (!isGlanceError(error, 'corrupt')) throw error
      if (onUnreadable === undefined) throw this.#named(error)
      onUnreadable(this.name, error)
    }
  }

  async data(image: Image): Promise<ImageData> {
    const { id } = image
    const current = this.#current
    if (current?.image.id !== id || current.state !== 'listed') throw this.#tooLate(`image ${id}`)
    const entry = await this.#cursor.peek().catch((error: unknown) => {
      throw isGlanceError(error, 'corrupt') ? this.#named(error) : error
    })
    const inParts = entry?.name === layout.part(id, 1)
    if (entry?.name !== `${id}.img` && !inParts) {
      throw new GlanceError(
        hasData(current.image) ? 'corrupt' : 'conflict',
        `image ${id}: there is no data in ${this.name}`,
      )
    }
    const { checksum, digest } = image
    const size = inParts ? null : entry.size
    return {
      size,
      checksum,
      digest,
      open: async ({ offset = 0 } = {}) => {
        if (current.state !== 'listed') throw this.#tooLate(`image ${id}`)
        current.state = 'opened'
        const expected = { size: image.size ?? size, checksum, digest }
        const whole = verify(this.#bytes(current), expected)
        return offset === 0 ? whole : skip(whole, offset)
      },
      isProved: () => current.proved,
    }
  }

  async add(image: Image): Promise<Written> {
    throw this.#readOnly(image)
  }

  async update(image: Image): Promise<Written> {
    throw this.#readOnly(image)
  }

  async discard(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    // What was waited for has failed by that, perhaps, and nobody waits for more.
    await this.#cursor[Symbol.asyncDispose]().catch(() => {})
  }

  async *#images(tell: Tell, signal: AbortSignal | undefined): AsyncGenerator<Image> {
    const first = await this.#cursor.peek()
    this.#hasSeals = first?.name === MANIFEST && first.size === 0
    let isWhole = !this.#hasSeals
    let [isDump, unreadable]: [boolean, string | undefined] = [this.#hasSeals, undefined]
    if (this.#hasSeals) await this.#cursor.take()
    for (
      let entry = await this.#cursor.take();
      entry !== undefined;
      entry = await this.#cursor.take()
    ) {
      signal?.throwIfAborted()
      const { name } = entry
      if (name === MANIFEST) isDump = true
      if (name === MANIFEST && this.#hasSeals) {
        for await (const line of boundedLines(entry.bytes, LONGEST_LINE)) {
          if (line.text === '') continue
          const { id } = entryIn(line)
          if (!this.#sealed.has(id))
            tell(id, new GlanceError('corrupt', `${this.name}: image ${id} is missing`))
        }
        isWhole = true
      }
      if (layout.isMetadata(name)) {
        isDump = true
        const image = await this.#describe(entry, tell)
        unreadable = image === undefined ? name : undefined
        if (image === undefined) await this.#passOver(name, tell)
        else {
          this.#current = image
          yield image.image
          if (this.#current.state !== 'sealed') await this.#passOver(name, tell)
          this.#current = undefined
        }
      } else {
        const id = layout.dataOf(name) ?? layout.partOf(name)
        const stray = id === undefined && name.includes('/') && isOfDump(basename(name)) ? name : id
        if (stray === undefined || stray === unreadable) continue
        isDump = true
        const why =
          id === undefined
            ? 'is not in the folder that the others are in'
            : 'comes before its metadata: pack it with --sort=name'
        tell(stray, new GlanceError('corrupt', `${this.name}: ${name} ${why}`))
      }
    }
    if (!isDump) throw new GlanceError('corrupt', 'the archive holds no dump')
    if (!isWhole) throw new GlanceError('corrupt', 'the archive is cut short, after an image')
  }

  /** The image that an entry is the metadata of; tells when there is none. */
  async #describe({ name, size, bytes }: TarEntry, tell: Tell): Promise<Current | undefined> {
    try {
      if (size > LONGEST_METADATA) {
        const message = `${this.name}: ${name}: more than ${LONGEST_METADATA} bytes`
        throw new GlanceError('corrupt', message)
      }
      const text = await collectText(bytes, LONGEST_METADATA)
      const file = `${this.name}: ${name}`
      const image = fromMetadata(text, file, name)
      const members = membersIn(text, file)
      if (members !== undefined) this.#members.set(name, members)
      const metadata = this.#hasSeals ? sha512(text) : ''
      return { image, metadata, seen: new Set(), state: 'listed', proved: false }
    } catch (error) {
      if (isGlanceError(error, 'corrupt') && !error.message.startsWith(this.name)) throw error
      tell(name, error)
      return undefined
    }
  }

  /** The data of the image, which ends well only when it is all there. */
  async *#bytes(current: Current): AsyncGenerator<Uint8Array, void> {
    const { id, checksum, digest } = current.image
    const hasher = new Hasher(
      this.#hasSeals && checksum === null && digest === null ? ['sha512'] : [],
    )
    try {
      for await (const chunk of this.#chunks(current)) {
        await hasher.update(chunk)
        yield chunk
      }
      if (!this.#hasSeals) return
      const seal = await this.#takeSeal(id)
      if (seal === undefined) {
        throw new GlanceError('corrupt', `image ${id} could not be dumped whole`)
      }
      if (checksum !== null || digest !== null || seal.data?.digest?.algorithm !== 'sha512') return
      const [found, wanted] = [await hasher.hex('sha512'), seal.data.digest.value]
      if (found !== wanted)
        throw new GlanceError('corrupt', `sha512 is ${found}, expected ${wanted}`)
      current.proved = true
    } catch (error) {
      throw isGlanceError(error, 'corrupt') ? this.#named(error) : error
    }
  }

  async *#chunks({ image: { id }, seen }: Current): AsyncGenerator<Uint8Array, void> {
    const whole = `${id}.img`
    if ((await this.#cursor.peek())?.name === whole) {
      seen.add(whole)
      yield* (await this.#cursor.take())?.bytes ?? []
      return
    }
    for (let n = 1; (await this.#cursor.peek())?.name === layout.part(id, n); n += 1) {
      seen.add(layout.part(id, n))
      yield* (await this.#cursor.take())?.bytes ?? []
    }
  }

  /** Goes to where the next image begins. */
  async #passOver(id: string, tell: Tell): Promise<void> {
    const seen = new Set(this.#current?.seen)
    for (;;) {
      const name = (await this.#cursor.peek())?.name ?? ''
      if ((layout.dataOf(name) ?? layout.partOf(name)) !== id) break
      if (seen.has(name))
        tell(id, new GlanceError('corrupt', `${this.name}: ${name} is there twice`))
      seen.add(name)
      await this.#cursor.take()
    }
    if (!this.#hasSeals) return
    try {
      await this.#takeSeal(id)
    } catch (error) {
      tell(id, isGlanceError(error, 'corrupt') ? this.#named(error) : error)
    }
  }

  /**
   * The line that says that the image is whole; undefined when something else comes. @throws {GlanceError} `corrupt` when
   * its metadata is not what the line says.
   */
  async #takeSeal(id: string): Promise<ManifestEntry | undefined> {
    const entry = await this.#cursor.peek()
    if (entry?.name !== MANIFEST || entry.size > LONGEST_LINE) return undefined
    const text = await this.#cursor.peekText(LONGEST_LINE)
    const lines = text.trimEnd().split('\n')
    const seal = lines.length === 1 && text !== '' ? parseSeal(text) : undefined
    if (seal?.id !== id || 'gone' in seal) return undefined
    await this.#cursor.take()
    this.#sealed.add(id)
    if (this.#current === undefined) return seal
    this.#current.state = 'sealed'
    const { metadata: found } = this.#current
    const wanted = seal.metadata.sha512
    if (found === wanted) return seal
    const message = `the metadata of image ${id}: sha512 is ${found}, expected ${wanted}`
    throw new GlanceError('corrupt', message)
  }

  #named(error: GlanceError): GlanceError {
    if (error.message.startsWith(this.name)) return error
    return new GlanceError(error.code, `${this.name}: ${messageOf(error)}`, { cause: error })
  }

  #tooLate(what: string): GlanceError {
    return new GlanceError(
      'gone',
      `${this.name} is read once, from its beginning to its end: ${what} is not read again`,
    )
  }

  #readOnly({ id }: Image): GlanceError {
    return new GlanceError('unsupported', `image ${id}: ${this.name} was opened to be read`)
  }
}

/** Undefined for what is no line about an image, which then stands where it is. */
function parseSeal(text: string): ManifestLine | undefined {
  try {
    return parseManifestLine(text)
  } catch {
    return undefined
  }
}
